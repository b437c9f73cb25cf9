"""What CrossLevel adds to a SimCLR step.

``python tools/benchmarks/cross_level.py``: the same step with and without CLD, in turn
in one run, both channels_last; medians with quartiles; the last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm  # noqa: F401, I001
import torch
from mmengine.optim import OptimWrapper

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


def main() -> None:
    parser = argparse.ArgumentParser(description='Time CrossLevel.')
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--pixels', type=int, default=32)
    parser.add_argument('--groups', type=int, default=64)
    parser.add_argument('--repeats', type=int, default=15)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    args = parser.parse_args()
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
    seconds: list[list[float]] = [[], []]
    for repeat in range(args.repeats + 2):
        # Each side comes first as often as second.
        order = list(zip(sides, seconds, strict=True))[:: 1 if repeat % 2 else -1]
        for (model, wrapper), times in order:
            start = time.perf_counter()
            model.train_step({'inputs': views, 'data_samples': []}, wrapper)
            if device == 'cuda':
                torch.cuda.synchronize()
            if repeat >= 2:
                times.append(time.perf_counter() - start)
    # Both sides of a pair meet the same noise: the median of their ratios.
    ratios = [two / one for one, two in zip(*seconds, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f'{device}, {args.threads} threads, ResNet-18, 2 views of {size}')
    print(f'SimCLR       {shown(seconds[0])}\nSimCLR + CLD {shown(seconds[1])}')
    print(f'ratio {middle:.4f} ({low:.4f} to {high:.4f})')
    print(json.dumps({'over_simclr': round(middle, 4)}))


if __name__ == '__main__':
    main()
