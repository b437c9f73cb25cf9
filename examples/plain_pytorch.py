"""CLD in a plain PyTorch loop: SimCLR's loss and CLD on a tiny network."""

import torch
from torch import nn
from torch.nn import functional as F

from cld_mm import CLDCriterion

torch.manual_seed(0)
images = torch.rand(256, 3, 1, 1).expand(-1, -1, 16, 16)  # your images
backbone = nn.Sequential(
    nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()
)
instance, group = nn.Linear(1024, 32), nn.Linear(1024, 32)
cld = CLDCriterion(num_groups=8, temperature=0.2)
network = nn.ModuleList([backbone, instance, group])
optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)

for step in range(20):
    batch = images[torch.randperm(256)[:64]]
    views = [batch + 0.1 * torch.randn_like(batch) for _ in range(2)]  # augment here
    features = [backbone(view) for view in views]
    one, two = (F.normalize(instance(feature)) for feature in features)
    nce = F.cross_entropy(one @ two.t() / 0.2, torch.arange(64))
    loss = nce + 0.25 * cld(*(group(feature) for feature in features))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f'step {step}: loss {loss.item():.3f}')
