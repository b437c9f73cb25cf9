"""CrossLevel around eight algorithms of mmpretrain, and one it cannot serve."""

import copy
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn import functional as F

from cld_mm.models.grouping import kmeans
from cld_mm.models.losses import cld_loss
from cld_mm.models.utils.forward_recorder import Recorder
from cld_mm.registry import MODELS
from tests.helpers.ranks import run_ranks
from tests.helpers.tiny_models import CLD

RESNET = {
    'type': 'ResNet_CIFAR',
    'depth': 18,
    'stem_channels': 4,
    'base_channels': 4,
    'zero_init_residual': False,
}
VIT = {
    'type': 'MoCoV3ViT',
    'arch': {
        'embed_dims': 32,
        'num_layers': 1,
        'num_heads': 4,
        'feedforward_channels': 32,
    },
    'img_size': 16,
    'patch_size': 8,
    'stop_grad_conv1': True,
    'frozen_stages': 0,
    'norm_eval': True,
}


def nonlinear(
    size: Any, last_bn: bool = False, pool: bool = True, out: int = 8
) -> dict:
    return {
        'type': 'NonLinearNeck',
        'in_channels': size,
        'hid_channels': 16,
        'out_channels': out,
        'num_layers': 2,
        'with_last_bn': last_bn,
        'with_avg_pool': pool,
    }


CONTRAST = {
    'type': 'ContrastiveHead',
    'temperature': 0.2,
    'loss': {'type': 'CrossEntropyLoss'},
}
PREDICT = {
    'type': 'LatentPredictHead',
    'predictor': nonlinear(8, pool=False),
    'loss': {'type': 'CosineSimilarityLoss'},
}
ALGORITHMS: dict[str, dict[str, Any]] = {
    'SimCLR': {'neck': nonlinear(32), 'head': CONTRAST},
    'SimSiam': {'neck': nonlinear(32), 'head': PREDICT},
    'BYOL': {'neck': nonlinear(32), 'head': PREDICT},
    'BarlowTwins': {
        'neck': nonlinear(32),
        'head': {
            'type': 'LatentCrossCorrelationHead',
            'in_channels': 8,
            'loss': {'type': 'CrossCorrelationLoss'},
        },
    },
    'SwAV': {
        'neck': {
            'type': 'SwAVNeck',
            'in_channels': 32,
            'hid_channels': 16,
            'out_channels': 8,
            'with_avg_pool': True,
        },
        'head': {
            'type': 'SwAVHead',
            'loss': {
                'type': 'SwAVLoss',
                'feat_dim': 8,
                'num_prototypes': 5,
                'num_crops': [2, 1],
            },
        },
    },
    'MoCo': {
        'neck': {
            'type': 'MoCoV2Neck',
            'in_channels': 32,
            'hid_channels': 16,
            'out_channels': 8,
            'with_avg_pool': True,
        },
        'head': CONTRAST,
        'queue_len': 24,
        'feat_dim': 8,
    },
    'DenseCL': {
        'neck': {
            'type': 'DenseCLNeck',
            'in_channels': 32,
            'hid_channels': 16,
            'out_channels': 8,
            'num_grid': None,
        },
        'head': CONTRAST,
        'queue_len': 24,
        'feat_dim': 8,
    },
    'MoCoV3': {
        'backbone': VIT,
        'neck': nonlinear(32, pool=False),
        'head': {
            'type': 'MoCoV3Head',
            'loss': {'type': 'CrossEntropyLoss', 'loss_weight': 0.4},
            'predictor': nonlinear(8, pool=False),
            'temperature': 0.2,
        },
    },
}
# Views whose features CLD compares: the second of these comes from an EMA encoder.
ONE_TRAINED_VIEW = ('MoCo', 'DenseCL')


def build(name: str, **changes: Any) -> nn.Module:
    torch.manual_seed(0)
    MessageHub.get_instance('cross-level')
    MessageHub.get_current_instance().update_info('max_iters', 10)
    algorithm = {'type': f'mmpretrain.{name}', 'backbone': RESNET, **ALGORITHMS[name]}
    model = MODELS.build(
        {
            'type': 'CrossLevel',
            'algorithm': algorithm,
            'neck': {'type': 'NormLinearNeck', 'out_channels': 8},
            'cld': CLD,
            **changes,
        }
    )
    model.init_weights()
    return model


def views_of(name: str) -> list:
    generator = torch.Generator().manual_seed(1)
    sizes = [16, 16, 8] if name == 'SwAV' else [16, 16]
    return [torch.randn(6, 3, size, size, generator=generator) for size in sizes]


def gradients(model: Any) -> list:
    return [
        torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for p in model.backbone.parameters()
    ]


@pytest.mark.parametrize('name', ALGORITHMS)
def test_gradient_is_the_sum_of_both_losses(name: str) -> None:
    model, views = build(name), views_of(name)
    plain, grouped = copy.deepcopy(model), copy.deepcopy(model)

    torch.manual_seed(2)  # mmpretrain shuffles the keys' images
    parts = model.loss(views)
    sum(value for key, value in parts.items() if 'loss' in key).backward()

    torch.manual_seed(2)
    own = plain.algorithm.loss(views, None)
    sum(own.values()).backward()

    # The slow way to the second loss: encode each view anew, in the same batches.
    torch.manual_seed(2)
    averaged = [
        m
        for n, m in grouped.algorithm.named_modules()
        if type(m) is type(grouped.backbone) and n != 'backbone'
    ]
    with Recorder(grouped.backbone, averaged) as recorder:
        grouped.algorithm.loss(views, None)
    features = []
    for view in views:
        for call in sorted(recorder.calls, key=lambda call: not call.online):
            if call.images.shape[1:] != view.shape[1:]:
                continue
            same = (call.images[None] == view[:, None]).flatten(2).all(2)
            if same.any(1).all():
                feats = call.features[-1]
                feats = feats.mean((2, 3)) if feats.ndim == 4 else feats
                features.append(feats[same.int().argmax(1)])
                break
    assert len(features) == len(views)
    assert [f.requires_grad for f in features].count(False) == (
        name in ONE_TRAINED_VIEW
    )
    projected = [grouped.group_neck(f) for f in features]
    pairs = [(a, b) for a in range(len(views)) for b in range(len(views)) if a != b]
    cross = torch.zeros(())
    for a, b in pairs:
        groups = kmeans(projected[b].detach(), 3, 3).labels
        means = [projected[b][groups == g].sum(0) for g in range(3)]
        counts = torch.bincount(groups, minlength=3).clamp(min=1)
        centroids = torch.stack(means) / counts[:, None]
        cross = cross + F.cross_entropy(projected[a] @ centroids.t() / 0.4, groups)
    cross = 0.25 * cross / len(pairs)
    cross.backward()

    torch.testing.assert_close(parts['loss_cld'], cross)
    for ours, one, two in zip(
        gradients(model), gradients(plain), gradients(grouped), strict=True
    ):
        torch.testing.assert_close(ours, one + two, atol=1e-5, rtol=1e-3)
    assert any(g.abs().sum() > 0 for g in gradients(grouped))


@pytest.mark.parametrize('name', ALGORITHMS)
def test_it_trains(name: str) -> None:
    model, views = build(name), views_of(name)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9))
    cross = []
    for _ in range(8):
        logs = model.train_step({'inputs': views, 'data_samples': []}, wrapper)
        cross.append(logs['loss_cld'].item())
    assert min(cross[4:]) < cross[0]
    features = model.extract_features(views[0])
    assert features['group'].shape == (6, 8)
    assert features['backbone'].shape == (6, 32)


def test_one_view_is_an_error() -> None:
    class OneView(nn.Module):
        data_preprocessor = nn.Identity()

        def __init__(self) -> None:
            super().__init__()
            self.backbone = MODELS.build(RESNET)
            self.neck = self.head = None

        def loss(self, inputs: Any, data_samples: Any) -> dict:
            return {'loss': self.backbone(inputs[0])[-1].mean()}

    model = MODELS.build({'type': 'CrossLevel', 'algorithm': OneView(), 'cld': CLD})
    with pytest.raises(ValueError, match='encodes 1, but CLD compares two'):
        model.loss(views_of('SimCLR'))
    mae = {
        'type': 'MAE',
        'backbone': {'type': 'MAEViT', 'arch': VIT['arch'], 'img_size': 16},
        'neck': {
            'type': 'MAEPretrainDecoder',
            'num_patches': 1,
            'embed_dim': 32,
            'decoder_embed_dim': 16,
            'decoder_depth': 1,
            'decoder_num_heads': 2,
        },
        'head': {
            'type': 'MAEPretrainHead',
            'loss': {'type': 'PixelReconstructionLoss', 'criterion': 'L2'},
        },
    }
    model = MODELS.build({'type': 'CrossLevel', 'algorithm': mae, 'cld': CLD})
    with pytest.raises(ValueError, match=r'MAE got 1 view\(s\)'):
        model.loss(torch.randn(2, 3, 16, 16))


def test_two_views_and_more_are_all_ordered_pairs() -> None:
    head = MODELS.build({'type': 'CLDHead', **CLD})
    views = [F.normalize(torch.randn(7, 5), dim=1) for _ in range(3)]
    groups = [kmeans(view, 3, 3) for view in views]
    pairs = [(0, 1), (0, 2), (1, 2)]
    slow = sum(
        cld_loss(views[a], views[b], groups[a], groups[b], 0.4) for a, b in pairs
    )
    torch.testing.assert_close(head.loss(*views)['loss_cld'], 0.25 * slow / 3)
    with pytest.raises(ValueError, match=r'got 1 view\(s\)'):
        head.loss(views[0])


def _shuffled_keys(rank: int) -> None:
    model = build('MoCo')
    views = [view[3 * rank : 3 * rank + 3] for view in views_of('MoCo')]
    parts = model.loss(views)
    assert parts['loss_cld'].isfinite()
    # The EMA encoder saw images of both ranks: every key feature is still found.
    with Recorder(model.algorithm.encoder_k.module[0]) as recorder:
        model.algorithm.loss(views, None)
    (call,) = recorder.calls
    own = (call.images[None] == views[1][:, None]).flatten(2).all(2)
    assert not own.any(1).all() or not own.any(0).all()


def test_keys_shuffled_over_ranks_are_found() -> None:
    run_ranks(_shuffled_keys)


class SwappingSimSiam(nn.Module):
    """Encodes its views one after the other, in an order of its own choice."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MODELS.build(RESNET)
        self.neck = self.head = self.data_preprocessor = None
        self.swapped = False

    def loss(self, inputs: Any, data_samples: Any) -> dict:
        order = inputs[::-1] if self.swapped else inputs
        return {'loss': sum(self.backbone(view)[-1].mean() for view in order)}


def test_views_that_change_their_order_are_found_again() -> None:
    torch.manual_seed(0)
    algorithm = SwappingSimSiam()
    model = MODELS.build(
        {
            'type': 'CrossLevel',
            'algorithm': algorithm,
            'cld': {'grouping': {'num_groups': 2}},
        }
    )
    views = views_of('SimCLR')
    found = []
    for swapped in (False, True):
        algorithm.swapped = swapped
        with Recorder(model.backbone) as recorder:
            algorithm.loss(views, None)
        found.append(model._features_by_view(views, recorder.calls))
    for kept, moved in zip(*found, strict=True):
        torch.testing.assert_close(kept, moved)


@pytest.mark.parametrize('name', ['MoCo', 'BYOL'])
def test_a_name_of_both_projects_needs_a_prefix(name: str) -> None:
    config = {'type': 'CrossLevel', 'algorithm': {'type': name}, 'cld': CLD}
    with pytest.raises(ValueError, match=rf"write 'mmpretrain\.{name}'"):
        MODELS.build(config)
