"""The sides that tools/benchmarks/step.py compares, each in a process of its own.

A side is trained as its users get it: this project's with what ``tools/train.py`` sets
(channels_last, memory that is kept), mmpretrain's and lightly's as they come; a name
that ends in ``_kept`` gives theirs the same memory, to tell its share apart.
"""

import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm.registry  # noqa: F401, I001
import torch
from tools.benchmarks.timing import CLOCKS, timed
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn import functional as F

from cld_mm.cli.allocators import keep_freed_memory
from cld_mm.engine.optim_wrappers import build_amp_optim_wrapper
from cld_mm.registry import MODELS

# Config and size of the feature.
BACKBONES: dict[str, tuple[dict[str, Any], int]] = {
    'r18': ({'type': 'ResNet_CIFAR', 'depth': 18}, 512),
    'r50': ({'type': 'ResNet', 'depth': 50}, 2048),
    'vit_s': ({'type': 'VisionTransformer', 'arch': 'deit-s'}, 384),
}


def build(
    config: dict[str, Any], device: str, dtype: str, compiled: bool = False
) -> tuple[Any, Callable[[dict], Any]]:
    """A model, and its training step as a function of the batch."""
    torch.manual_seed(0)
    model = MODELS.build(config).to(device)
    if compiled:
        model.compile_passes()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    wrapper = (
        OptimWrapper(optimizer)
        if dtype == 'float32'
        else build_amp_optim_wrapper(optimizer=optimizer, dtype=dtype)
    )
    return model, lambda batch: model.train_step(batch, wrapper)


def on_views(step: Callable[[dict], Any]) -> Callable[[list], Any]:
    """A step as a function of the views alone."""
    return lambda views: step({'inputs': views, 'data_samples': []})


def autocast(device: str, dtype: str) -> torch.autocast:
    """Around the passes of sides that have no optimizer's wrapper."""
    return torch.autocast(device, getattr(torch, dtype), enabled=dtype != 'float32')


def floor_of(config: dict[str, Any], device: str, dtype: str) -> Callable[[list], None]:
    """The same passes and nothing else."""
    torch.manual_seed(0)
    model = MODELS.build(config).to(device)
    encoder = model.momentum_encoder
    amp = autocast(device, dtype)

    def passes(views: list) -> None:
        with amp:
            outputs = [model.neck(model.backbone(view)) for view in views[::2]]
            with torch.no_grad():
                encoder['neck'].forward_instance(encoder['backbone'](views[1]))
            loss = sum(part.float().sum() for output in outputs for part in output)
        loss.backward()
        model.zero_grad()

    return passes


def lightly_step(
    backbone: nn.Module, size: int, queue: int, amp: torch.autocast
) -> Callable[[list], None]:
    """MoCo v2 as lightly's documentation assembles it, same backbone, two views."""
    from copy import deepcopy

    from lightly.loss import NTXentLoss
    from lightly.models.modules import MoCoProjectionHead
    from lightly.models.utils import deactivate_requires_grad, update_momentum

    head = MoCoProjectionHead(size, size, 128)
    key_backbone, key_head = deepcopy(backbone), deepcopy(head)
    deactivate_requires_grad(key_backbone)
    deactivate_requires_grad(key_head)
    criterion = NTXentLoss(temperature=0.2, memory_bank_size=(queue, 128))
    parameters = [*backbone.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9)

    def pooled(features: torch.Tensor) -> torch.Tensor:
        return features.mean((2, 3)) if features.ndim == 4 else features

    def step(views: list) -> None:
        update_momentum(backbone, key_backbone, m=0.999)
        update_momentum(head, key_head, m=0.999)
        with amp:
            query = head(pooled(backbone(views[0])[-1]))
            with torch.no_grad():
                key = key_head(pooled(key_backbone(views[1])[-1]))
            loss = criterion(F.normalize(query, dim=1), F.normalize(key, dim=1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def make_side(name: str, args: dict[str, Any], device: str) -> Callable[[list], None]:
    """The step of a side.

    Raises:
        ImportError: lightly is not installed.
    """
    backbone, size = BACKBONES[args['backbone']]
    if args['backbone'] == 'vit_s':
        own = {'img_size': args['pixels'], 'patch_size': 16, 'out_type': 'cls_token'}
    else:
        own = {'zero_init_residual': False}
    common = {
        'backbone': {**backbone, **own},
        'queue_len': args['queue'],
        'feat_dim': 128,
    }
    head = {'type': 'InfoNCEHead', 'temperature': 0.2}
    neck = {'in_channels': size, 'out_channels': 128}
    one_branch = {'type': 'MoCo', **common, 'head': head}
    one_branch['neck'] = {'type': 'NormMLP', **neck}
    cld = {**one_branch, 'neck': {'type': 'TwoBranchNeck', **neck}}
    cld['cld'] = {'grouping': {'num_groups': args['groups']}, 'loss_weight': 0.25}
    dtype = args['dtype']
    if name.endswith('_kept'):
        keep_freed_memory()
        name = name.removesuffix('_kept')
    if name == 'lightly':
        model = MODELS.build(common['backbone']).to(device)
        return lightly_step(model, size, args['queue'], autocast(device, dtype))
    if name == 'mmpretrain':
        theirs = {
            'type': 'mmpretrain.MoCo',
            **common,
            'neck': {
                'type': 'MoCoV2Neck',
                'in_channels': size,
                'hid_channels': size,
                'out_channels': 128,
                'with_avg_pool': args['backbone'] != 'vit_s',
            },
            'head': {
                'type': 'ContrastiveHead',
                'temperature': 0.2,
                'loss': {'type': 'CrossEntropyLoss'},
            },
        }
        return on_views(build(theirs, device, dtype)[1])
    keep_freed_memory()
    if name == 'floor':
        return floor_of(cld, device, dtype)
    config = {
        'cld': cld,
        'matched': {**one_branch, 'num_queries': 2},
        'moco': one_branch,
        'moco_bf16': one_branch,
        'moco_compiled': one_branch,
    }[name]
    dtype = 'bfloat16' if name == 'moco_bf16' else dtype
    return on_views(build(config, device, dtype, name == 'moco_compiled')[1])


def serve(pipe: Connection, name: str, args: dict[str, Any]) -> None:
    """Make a side, say so, and answer each request by the seconds of one step."""
    torch.set_num_threads(args['threads'])
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        step = make_side(name, args, device)
    except ImportError as error:
        pipe.send(f'{name} is left out: {error}')
        return
    count = 3 if name in ('floor', 'cld', 'matched') else 2
    torch.manual_seed(0)
    size = (args['batch'], 3, args['pixels'], args['pixels'])
    views = [torch.randn(size, device=device) for _ in range(count)]
    pipe.send('ready')
    step_once = timed(lambda: step(views), CLOCKS[args['clock']])
    while pipe.recv():
        pipe.send(step_once())
