"""CLD beside lightly's SimCLR; for BYOL add it to that loss in the same way."""

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from torch import nn
from torchvision.models import resnet18

from cld_mm import CLDCriterion

torch.manual_seed(0)
images = torch.rand(64, 3, 32, 32)  # your images
backbone = nn.Sequential(*list(resnet18().children())[:-1], nn.Flatten())
head, group = SimCLRProjectionHead(512, 512, 128), nn.Linear(512, 128)
simclr, cld = NTXentLoss(), CLDCriterion(num_groups=8, temperature=0.2)
network = nn.ModuleList([backbone, head, group])
optimizer = torch.optim.SGD(network.parameters(), lr=0.06, momentum=0.9)

for step in range(5):
    batch = images[torch.randperm(64)[:32]]
    views = [batch + 0.1 * torch.randn_like(batch) for _ in range(2)]  # augment here
    features = [backbone(view) for view in views]
    loss = simclr(*map(head, features)) + 0.25 * cld(*map(group, features))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f'step {step}: loss {loss.item():.3f}')
