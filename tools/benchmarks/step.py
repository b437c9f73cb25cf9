"""What a MoCo v2 + CLD step costs beside its backbone and neck passes alone.

``python tools/benchmarks/step.py``: all sides take turns in one run; medians of the
ratios of neighbouring runs, with quartiles; the last line is JSON. Sides:

- floor: two passes of backbone and neck with backward, one without, nothing else;
- cld: the whole MoCo v2 + CLD step, loss parts, queue, average and optimiser;
- matched: the same with λ 0 (two queries, no group branch);
- moco: this project's MoCo v2 with the usual two views;
- mmpretrain: mmpretrain's MoCo v2 with the same two views and backbone;
- compiled: cld through torch.compile; with ``--compile``, then only these two;
- lightly is compared where it is installed.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm  # noqa: F401, I001
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn import functional as F

from cld_mm.engine.optim_wrappers import build_amp_optim_wrapper
from cld_mm.registry import MODELS

SIZES = {'r18': ({'type': 'ResNet_CIFAR', 'depth': 18}, 512)}
SIZES['r50'] = ({'type': 'ResNet', 'depth': 50}, 2048)


def build(
    config: dict[str, Any], device: str, dtype: str, compiled: bool = False
) -> Callable[[list], None]:
    """A training step of a model, as a function of the views."""
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
    return lambda views: model.train_step(
        {'inputs': views, 'data_samples': []}, wrapper
    )


def floor_of(config: dict[str, Any], device: str, dtype: str) -> Callable[[list], None]:
    """The same passes and nothing else."""
    torch.manual_seed(0)
    model = MODELS.build(config).to(device)
    encoder = model.momentum_encoder
    amp = torch.autocast(
        device, getattr(torch, dtype), enabled=dtype != 'float32', cache_enabled=True
    )

    def passes(views: list) -> None:
        with amp:
            outputs = [model.neck(model.backbone(view)) for view in views[::2]]
            with torch.no_grad():
                encoder['neck'].forward_instance(encoder['backbone'](views[1]))
            loss = sum(part.float().sum() for output in outputs for part in output)
        loss.backward()
        model.zero_grad()

    return passes


def lightly_step(backbone: nn.Module, size: int, queue: int) -> Callable[[list], None]:
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

    def step(views: list) -> None:
        update_momentum(backbone, key_backbone, m=0.999)
        update_momentum(head, key_head, m=0.999)
        query = head(backbone(views[0])[-1].mean((2, 3)))
        with torch.no_grad():
            key = key_head(key_backbone(views[1])[-1].mean((2, 3)))
        loss = criterion(F.normalize(query, dim=1), F.normalize(key, dim=1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def sides_of(
    args: argparse.Namespace, device: str
) -> dict[str, Callable[[list], None]]:
    """Every side's step."""
    backbone, size = SIZES[args.backbone]
    common = {
        'backbone': {**backbone, 'zero_init_residual': False},
        'queue_len': args.queue,
        'feat_dim': 128,
    }
    head = {'type': 'InfoNCEHead', 'temperature': 0.2}
    neck = {'in_channels': size, 'out_channels': 128}
    cld = {
        'type': 'MoCo',
        **common,
        'head': head,
        'neck': {'type': 'TwoBranchNeck', **neck},
        'cld': {'grouping': {'num_groups': args.groups}, 'loss_weight': 0.25},
    }
    one_branch = {'type': 'MoCo', **common, 'head': head}
    one_branch['neck'] = {'type': 'NormMLP', **neck}
    theirs = {
        'type': 'mmpretrain.MoCo',
        **common,
        'neck': {
            'type': 'MoCoV2Neck',
            'in_channels': size,
            'hid_channels': size,
            'out_channels': 128,
            'with_avg_pool': True,
        },
        'head': {
            'type': 'ContrastiveHead',
            'temperature': 0.2,
            'loss': {'type': 'CrossEntropyLoss'},
        },
    }
    dtype = args.dtype
    if args.compile:
        return {
            'cld': build(cld, device, dtype),
            'compiled': build(cld, device, dtype, compiled=True),
        }
    sides = {
        'floor': floor_of(cld, device, dtype),
        'cld': build(cld, device, dtype),
        'matched': build({**one_branch, 'num_queries': 2}, device, dtype),
        'moco': build(one_branch, device, dtype),
        'mmpretrain': build(theirs, device, 'float32'),
    }
    try:
        model = MODELS.build(common['backbone']).to(device)
        sides['lightly'] = lightly_step(model, size, args.queue)
    except ImportError:
        print('lightly is not installed: left out')
    return sides


def main() -> None:
    parser = argparse.ArgumentParser(description='Time a training step.')
    parser.add_argument('--backbone', choices=list(SIZES), default='r18')
    parser.add_argument('--pixels', type=int, default=32)
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--queue', type=int, default=65536)
    parser.add_argument('--groups', type=int, default=64)
    parser.add_argument(
        '--dtype', choices=['float32', 'bfloat16', 'float16'], default='float32'
    )
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    sides = sides_of(args, device)
    size = (args.batch, 3, args.pixels, args.pixels)
    views = [torch.randn(size, device=device) for _ in range(3)]
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(args.repeats + 1):
        # Every other round backwards, so that no side always follows the same one.
        for name in list(sides)[:: 1 if repeat % 2 else -1]:
            start = time.perf_counter()
            three = name in ('floor', 'cld', 'matched', 'compiled')
            sides[name](views if three else views[:2])
            if device == 'cuda':
                torch.cuda.synchronize()
            if repeat:
                seconds[name].append(time.perf_counter() - start)

    def ratio(one: str, two: str) -> float | None:
        if one not in seconds or two not in seconds:
            return None
        pairs = zip(seconds[one], seconds[two], strict=True)
        low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4)
        print(f'{one} / {two}: {middle:.3f} ({low:.3f} to {high:.3f})')
        return round(middle, 4)

    print(f'{device}, {args.threads} threads, {args.backbone}, {size}, {args.dtype}')
    for name, times in seconds.items():
        low, middle, high = statistics.quantiles(times, n=4)
        print(f'{name:11s}{middle:8.3f} s ({low:.3f} to {high:.3f})')
    print(
        json.dumps(
            {
                'over_backbone_floor': ratio('cld', 'floor'),
                'cld_over_matched_baseline': ratio('cld', 'matched'),
                'speedup_over_mmpretrain': ratio('mmpretrain', 'moco'),
                'speedup_over_lightly': ratio('lightly', 'moco'),
                'speedup_by_compile': ratio('cld', 'compiled'),
            }
        )
    )


if __name__ == '__main__':
    main()
