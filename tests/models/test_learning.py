"""A few hundred steps on real digits lower the loss and raise kNN over the start."""

from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample
from sklearn.datasets import load_digits
from torch.nn import functional as F

from cld_mm.evaluation import knn_classify
from cld_mm.registry import MODELS
from tests.helpers.tiny_models import tiny_byol, tiny_moco

CLD = {
    'grouping': {'num_groups': 16},
    'loss': {'temperature': 0.2},
    'loss_weight': 0.5,
}
NUM = 600
# BYOL without CLD is slow to start, so it gets more steps, of more images, by SGD.
SLOW = ('BYOL', False)


BACKBONE = {
    'type': 'ResNet_CIFAR',
    'depth': 18,
    'stem_channels': 8,
    'base_channels': 8,
    'zero_init_residual': False,
}


def build(name: str, with_cld: Any) -> Any:
    cld = CLD if with_cld else None
    neck = {
        'type': 'TwoBranchNeck',
        'in_channels': 64,
        'out_channels': 16,
        'projection': 'LinearProjectionNeck',
    }
    if not with_cld:
        neck = {'type': 'LinearProjectionNeck', 'in_channels': 64, 'out_channels': 16}
    moco = {
        'backbone': BACKBONE,
        'neck': neck,
        'feat_dim': 16,
        'queue_len': 300,
        'num_queries': 2,
    }
    torch.manual_seed(0)
    if name == 'BYOL':
        return MODELS.build(
            {
                'type': name,
                'momentum': 0.02 if with_cld else 0.1,
                'cld': cld,
                **tiny_byol(with_cld, 64, *((64, 16) if with_cld else (256, 64))),
                'backbone': BACKBONE,
            }
        )
    if name == 'InfoMin':
        jigsaw = {'in_channels': 64, 'out_channels': 16}
        return tiny_moco(cld, type=name, jigsaw=jigsaw, **moco)
    if name == 'MoCo':
        return tiny_moco(cld, **moco)
    return MODELS.build(
        {
            'type': 'NPID',
            'backbone': BACKBONE,
            'neck': neck,
            'num_images': NUM,
            'num_negatives': 256 if name == 'NPID-NCE' else 0,
            # NCE's weights rest on Z, estimated once: at a low T it goes stale.
            'temperature': {False: 0.5, True: 0.2}[with_cld]
            if name == 'NPID-NCE'
            else 0.1,
            'feat_dim': 16,
            'cld': cld,
        }
    )


def images_of(part: Any) -> tuple:
    digits = load_digits()
    images = torch.tensor(digits.images[part], dtype=torch.float32)[:, None] / 8 - 1
    images = F.pad(images, (2, 2, 2, 2), value=-1).expand(-1, 3, -1, -1)
    # Written askew: random features, which know no invariance, find few neighbors.
    images = view(images, torch.Generator().manual_seed(0))
    return images, torch.tensor(digits.target[part])


def view(
    images: torch.Tensor, generator: torch.Generator, size: int = 12
) -> torch.Tensor:
    """Turned, scaled and shifted, changed in contrast, noisy: each image its own."""

    def uniform(low: Any, high: Any) -> Any:
        return low + (high - low) * torch.rand(len(images), generator=generator)

    angle, scale = uniform(-0.4, 0.4), uniform(0.6, 1.1)
    rows = [
        torch.stack([scale * angle.cos(), -scale * angle.sin(), uniform(-0.3, 0.3)], 1),
        torch.stack([scale * angle.sin(), scale * angle.cos(), uniform(-0.3, 0.3)], 1),
    ]
    grid = F.affine_grid(
        torch.stack(rows, 1), [len(images), 3, size, size], align_corners=False
    )
    images = F.grid_sample(
        images, grid, padding_mode='border', align_corners=False
    ) * uniform(0.6, 1.4).view(-1, 1, 1, 1)
    return images + 0.1 * torch.randn(images.shape, generator=generator)


def accuracy(model: Any, train: Any, test: Any, kind: str) -> float:
    model.eval()
    features = [model.extract_features(part[0])[kind] for part in (train, test)]
    scores = knn_classify(features[0], train[1], features[1], k=10)
    model.train()
    return float((scores.argmax(1) == test[1]).float().mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'with_cld'),
    [
        ('NPID', False),
        ('NPID', True),
        ('NPID-NCE', False),
        ('NPID-NCE', True),
        ('MoCo', False),
        ('MoCo', True),
        ('InfoMin', False),
        ('InfoMin', True),
        ('BYOL', False),
        ('BYOL', True),
    ],
)
def test_it_learns(name: str, with_cld: bool) -> None:
    train, test = images_of(slice(0, NUM)), images_of(slice(NUM, 1000))
    model = build(name, with_cld)
    model.init_weights()
    slow = (name, with_cld) == SLOW
    steps, size = (500, 120) if slow else (200 if name == 'InfoMin' else 300, 60)
    num_views = 3 if name in ('MoCo', 'InfoMin') else 2
    for encoder in model.momentum_encoders():
        encoder.total_steps = steps
    kind = 'backbone' if slow else 'instance'
    start = accuracy(model, train, test, kind)
    optimizer: torch.optim.Optimizer
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    if slow:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    wrapper = OptimWrapper(optimizer)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(steps):
        rows = torch.randperm(NUM, generator=generator)[:size]
        views = [view(train[0][rows], generator) for _ in range(num_views)]
        if name == 'InfoMin':
            patches = [
                view(train[0][rows], generator)[:, :, r : r + 4, c : c + 4]
                for r in (0, 4, 8)
                for c in (0, 4, 8)
            ]
            views.append(torch.cat(patches, dim=2))
        samples = [DataSample(metainfo={'sample_idx': int(row)}) for row in rows]
        logs = model.train_step({'inputs': views, 'data_samples': samples}, wrapper)
        losses.append(logs['loss'].item())
    # The queue's first keys are random and easy to tell apart: the loss rises first.
    assert sum(losses[-20:]) < sum(losses[20:40])
    assert accuracy(model, train, test, kind) > start + 0.02
