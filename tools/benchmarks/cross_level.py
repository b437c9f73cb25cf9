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
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least
from tools.benchmarks.timing import ratio, spread, take_turns, timed


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time CrossLevel.')
    parser.add_argument('--batch', type=at_least(2), default=128)
    parser.add_argument('--pixels', type=at_least(1), default=32)
    parser.add_argument('--groups', type=at_least(1), default=64)
    parser.add_argument('--repeats', type=at_least(2), default=25)
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
    size = (args.batch, 3, args.pixels, args.pixels)
    views = [torch.randn(size, device=device) for _ in range(2)]

    def step(config: dict) -> tuple[BaseModel, Callable[[], object]]:
        torch.manual_seed(0)
        model = MODELS.build(config).to(device)
        model.backbone.to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        batch = {'inputs': views, 'data_samples': []}
        return model, partial(model.train_step, batch, OptimWrapper(optimizer))

    _, simclr = step({**SIMCLR, 'type': 'mmpretrain.SimCLR'})
    model, with_cld = step({'type': 'CrossLevel', 'algorithm': SIMCLR, 'cld': cld})
    sides = {'simclr': simclr, 'simclr_cld': with_cld, 'cld': own_work(model, views)}
    seconds = take_turns(
        {name: timed(side) for name, side in sides.items()}, args.repeats
    )
    print(f'{device}, {args.threads} threads, ResNet-18, 2 views of {size}')
    for name, times in seconds.items():
        print(f'{name:12s}{spread(times)} s')
    own = statistics.median(seconds['cld']) / statistics.median(seconds['simclr'])
    best = min(seconds['simclr_cld']) / min(seconds['simclr'])
    ratios = {
        'over_simclr': ratio(seconds, 'simclr_cld', 'simclr'),
        'over_simclr_best': round(best, 4),
        'own_work': round(1 + own, 4),
    }
    print(json.dumps(ratios))


if __name__ == '__main__':
    main()
