"""CLD on a timm model: features of two views, a group branch, one loss."""

import timm
import torch
from torch import nn

from cld_mm import CLDCriterion

torch.manual_seed(0)
images = torch.rand(64, 3, 64, 64)  # your images
model = timm.create_model('resnet10t', num_classes=0)  # or any other
group = nn.Linear(model.num_features, 128)
cld = CLDCriterion(num_groups=8, temperature=0.2)
weights = [*model.parameters(), *group.parameters()]
optimizer = torch.optim.AdamW(weights, lr=1e-3)

for step in range(5):
    batch = images[torch.randperm(64)[:32]]
    views = [batch + 0.1 * torch.randn_like(batch) for _ in range(2)]  # augment here
    loss = cld(*(group(model(view)) for view in views))  # add your own loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f'step {step}: loss {loss.item():.3f}')
