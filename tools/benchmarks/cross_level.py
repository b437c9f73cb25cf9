"""What CrossLevel adds to a SimCLR step.

``python tools/benchmarks/cross_level.py``: the same step with and without CLD, in turn
in one run, both channels_last; medians with quartiles. On noisy cores whole steps
differ by more than CLD costs, so its own work (finding the views, group branch,
grouping, loss, their backward pass) is timed by itself as well. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.benchmarks.counts import SPREAD, at_least


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time CrossLevel.')
    parser.add_argument('--batch', type=at_least(2), default=128)
    parser.add_argument('--pixels', type=at_least(1), default=32)
    parser.add_argument('--groups', type=at_least(1), default=64)
    parser.add_argument('--repeats', type=at_least(SPREAD), default=25)
    parser.add_argument('--threads', type=at_least(1), help="default: torch's")
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from cld_mm.models.utils.forward_recorder import Recorder
from cld_mm.registry import MODELS


SIMCLR = {
    'type': 'SimCLR',
    'backbone': {'type': 'ResNet_CIFAR', 'depth': 18},
    'neck': {
        'type': 'NonLinearNeck',
        'in_channels': 512,
        'hid_channels': 512,
        'out_channels': 128,
        'num_layers': 2,
        'with_avg_pool': True,
    },
    'head': {
        'type': 'ContrastiveHead',
        'loss': {'type': 'CrossEntropyLoss'},
        'temperature': 0.2,
    },
}


def shown(times: list[float]) -> str:
    low, middle, high = statistics.quantiles(times, n=4)
    return f'{1e3 * middle:9.1f} ms ({1e3 * low:.1f} to {1e3 * high:.1f})'


def own_work(model: BaseModel, views: list[torch.Tensor]) -> Callable[[], None]:
    """CLD's part of a step, forward and backward, on features noted beforehand."""
    with Recorder(model.backbone) as recorder, torch.no_grad():
        model.algorithm.loss(views, [])
    calls = [
        call._replace(
            features=tuple(f.detach().requires_grad_() for f in call.features)
        )
        for call in recorder.calls
    ]

    def work() -> None:
        features = model._features_by_view(views, calls)
        groups = [model.group_neck(feats) for feats in features]
        model.cld.loss(*groups)['loss_cld'].backward()

    return work


def main() -> None:
    args = parse_args()
    args.threads = args.threads or torch.get_num_threads()
    torch.set_num_threads(args.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    cld = {'grouping': {'num_groups': args.groups}, 'loss_weight': 0.25}
    sides = []
    for config in (
        {**SIMCLR, 'type': 'mmpretrain.SimCLR'},
        {'type': 'CrossLevel', 'algorithm': SIMCLR, 'cld': cld},
    ):
        torch.manual_seed(0)
        model = MODELS.build(config).to(device)
        model.backbone.to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        sides.append((model, OptimWrapper(optimizer)))
    size = (args.batch, 3, args.pixels, args.pixels)
    views = [torch.randn(size, device=device) for _ in range(2)]
    seconds: list[list[float]] = [[], [], []]

    def step(model: BaseModel, wrapper: OptimWrapper) -> None:
        model.train_step({'inputs': views, 'data_samples': []}, wrapper)

    runs = [partial(step, *side) for side in sides] + [own_work(sides[1][0], views)]
    for repeat in range(args.repeats + 2):
        # Each side comes first as often as second.
        order = list(zip(runs, seconds, strict=True))[:: 1 if repeat % 2 else -1]
        for run, times in order:
            start = time.perf_counter()
            run()
            if device == 'cuda':
                torch.cuda.synchronize()
            if repeat >= 2:
                times.append(time.perf_counter() - start)
    # Both sides of a pair meet the same noise: the median of their ratios.
    pairs = [two / one for one, two in zip(*seconds[:2], strict=True)]
    low, middle, high = statistics.quantiles(pairs, n=4)
    print(f'{device}, {args.threads} threads, ResNet-18, 2 views of {size}')
    print(f'SimCLR       {shown(seconds[0])}\nSimCLR + CLD {shown(seconds[1])}')
    print(f"CLD's work   {shown(seconds[2])}")
    print(f'ratio {middle:.4f} ({low:.4f} to {high:.4f})')
    own = statistics.median(seconds[2]) / statistics.median(seconds[0])
    best = min(seconds[1]) / min(seconds[0])
    ratios = {'over_simclr': middle, 'over_simclr_best': best, 'own_work': 1 + own}
    print(json.dumps({name: round(ratio, 4) for name, ratio in ratios.items()}))


if __name__ == '__main__':
    main()
