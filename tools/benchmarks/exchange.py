"""Collectives and bytes each rank receives in a MoCo v2 + CLD step.

``python tools/benchmarks/exchange.py``: real steps of a narrow model in 2, 4 and 8
processes over gloo on a CPU. What torch.distributed's functions bring is counted by
wrapping them; the last line is JSON, bytes by side, kind and world size.

``--run`` counts the calls of a default training run instead, its hooks included: the
Fashion-MNIST recipe with the default runtime, a narrow model and small images.

Sides without ``--run``:

- ours: images travel by all-to-all, keys by one all-gather, groups are of all ranks;
- moco: the same but for the images, which every rank gathers before it takes its part
  of a common permutation (MoCo, arXiv 1911.05722, section 3.3).

A reduction over R ranks counts as a ring does it: (R - 1) / R of the tensor a rank
receives in a reduce-scatter, twice that in an all-reduce.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cld_mm.cli.arguments import at_least


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Count what ranks exchange.')
    parser.add_argument('--ranks', type=at_least(1), nargs='+', default=[2, 4, 8])
    parser.add_argument('--batch', type=at_least(2), default=64, help='images per rank')
    parser.add_argument('--pixels', type=at_least(1), default=28)
    parser.add_argument(
        '--run', action='store_true', help='calls in a default training run'
    )
    parser.add_argument('--iterations', type=at_least(1), default=100, help='of --run')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from tools.benchmarks.counted_collectives import Received
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor
from torch import distributed as dist
from torch import multiprocessing as mp
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from cld_mm.models.algorithms import MoCo
from cld_mm.models.algorithms.base import instance_of
from cld_mm.datasets.preparation.fashion_mnist import fetch
from cld_mm.distributed.collectives import gather
from cld_mm.distributed.process_group import prepare_distributed
from cld_mm.engine.runner import ResumableRunner
from cld_mm.registry import MODELS


RECIPE = ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py'


class GatheringMoCo(MoCo):
    """MoCo whose ranks gather all images to shuffle them: what is compared with."""

    @torch.no_grad()
    def encode_keys(self, images: Tensor) -> Tensor:
        everyone = self.gather_images(images)
        order = torch.randperm(len(everyone), device=images.device)
        self.gather_images(order, common=True)
        own = order.chunk(dist.get_world_size())[dist.get_rank()]
        feats = self.momentum_encoder['backbone'](everyone[own])
        keys = instance_of(self.momentum_encoder['neck'], feats).float()
        return self.gather_keys(keys)[order.argsort()]

    @staticmethod
    def gather_images(rows: Tensor, common: bool = False) -> Tensor:
        """All ranks' rows; or, for the permutation, rank 0's for everyone."""
        if not common:
            return gather(rows)
        dist.broadcast(rows, 0)
        return rows

    @staticmethod
    def gather_keys(keys: Tensor) -> Tensor:
        return gather(keys)


def build(kind: type[MoCo], batch: int) -> MMDistributedDataParallel:
    """The Fashion-MNIST recipe's model, narrow, grouping over all ranks."""
    config = Config.fromfile(RECIPE).model.to_dict()
    config.pop('type')
    config['backbone'].update(stem_channels=4, base_channels=4)
    config['neck']['in_channels'] = 32
    config['cld']['gather'] = True
    config['queue_len'] = max(config['queue_len'], batch * dist.get_world_size())
    torch.manual_seed(0)
    model = MMDistributedDataParallel(kind(**config), broadcast_buffers=False)
    model.register_comm_hook(dist.group.WORLD, allreduce_hook)
    return model


def step_of(kind: type[MoCo], batch: int, pixels: int) -> Received:
    """What one step of a model brings this rank; the first one is not counted."""
    model = build(kind, batch)
    trained = [p for p in model.parameters() if p.requires_grad]
    wrapper = OptimWrapper(torch.optim.SGD(trained, lr=0.01))
    model.module.follow_optimizer(wrapper.optimizer)
    for _ in range(2):
        views = [torch.randn(batch, 1, pixels, pixels) for _ in range(3)]
        with Received() as received:
            model.train_step({'inputs': views, 'data_samples': []}, wrapper)
    return received


class CountIterations(Hook):
    """Counts the collectives of training iterations, all hooks included.

    Args:
        iterations: how many, from the second on; the first one sets buffers up.
    """

    priority = 'HIGHEST'

    def __init__(self, iterations: int) -> None:
        self.last = iterations
        self.received = Received()

    def before_train(self, runner: Any) -> None:
        """Count DistributedDataParallel's own exchange too."""
        runner.model.register_comm_hook(dist.group.WORLD, allreduce_hook)

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Begin with the second iteration, end before the one after the last."""
        if runner.iter == 1:
            self.received.__enter__()
        if runner.iter == self.last + 1:
            self.received.__exit__()


def run_calls(ranks: int, iterations: int, data: str, folder: str) -> dict[str, int]:
    """Calls of the collectives in iterations of a default run, by purpose and name."""
    cfg = Config.fromfile(RECIPE)
    narrow = {'stem_channels': 4, 'base_channels': 4}
    cfg.merge_from_dict(
        {
            'model.backbone': narrow,
            'model.neck.in_channels': 32,
            'model.queue_len': 64,
            'model.cld.grouping.num_groups': 2,
            'train_dataloader.batch_size': 4,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_dataloader.dataset.data_root': data,
            'train_dataloader.dataset.indices': 4 * ranks * (iterations + 2),
            'train_cfg.max_epochs': 1,
            'default_hooks.checkpoint.interval': -1,
            'work_dir': folder,
            'launcher': 'pytorch',
            'log_level': 'ERROR',
        }
    )
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        cfg[key] = None
    prepare_distributed(cfg)
    hook = CountIterations(iterations)
    runner = ResumableRunner.from_cfg(cfg)
    runner.register_hook(hook)
    runner.train()
    calls = hook.received.calls
    return {f'{kind}: {name}': n for (kind, name), n in sorted(calls.items())}


def rank(number: int, ranks: int, port: int, args: Any, out: str) -> None:
    """Count in one process; rank 0 writes what it received."""
    torch.set_num_threads(1)
    warnings.filterwarnings('ignore', message='.broadcast_buffers. is deprecated')
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    os.environ.update(RANK=str(number), LOCAL_RANK=str(number), WORLD_SIZE=str(ranks))
    dist.init_process_group('gloo', rank=number, world_size=ranks)
    found: Any
    if args.run:
        folder = str(Path(out).parent)
        found = run_calls(ranks, args.iterations, args.data, folder)
    else:
        sides = {'ours': MoCo, 'moco': GatheringMoCo}
        found = {
            side: step_of(kind, args.batch, args.pixels).bytes
            for side, kind in sides.items()
        }
    if number == 0:
        Path(out).write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def count(ranks: int, args: argparse.Namespace) -> dict[str, Any]:
    """What rank 0 counts with so many ranks."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = sock.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        out = f'{folder}/bytes.json'
        # Forked, so that they need not import everything again.
        mp.start_processes(
            rank, (ranks, port, args, out), nprocs=ranks, start_method='fork'
        )
        return json.loads(Path(out).read_text())


def print_calls(calls: dict[int, dict[str, int]], iterations: int) -> None:
    """A table of the calls by number of ranks, and JSON."""
    print(
        f'collectives in {iterations} iterations of a default run, all hooks included'
    )
    print(f'{"purpose: collective":40s}' + ''.join(f'{n:>8d} ranks' for n in calls))
    for name in sorted({name for found in calls.values() for name in found}):
        row = ''.join(f'{found.get(name, 0):14d}' for found in calls.values())
        print(f'{name:40s}{row}')
    print(json.dumps(calls))


def main() -> None:
    args = parse_args()
    MODELS.get('ResNet_CIFAR')  # imports what all processes need
    if args.run:
        with tempfile.TemporaryDirectory() as args.data:
            fetch(Path(args.data), 'digits')
            calls = {ranks: count(ranks, args) for ranks in args.ranks}
        print_calls(calls, args.iterations)
        return
    results = {ranks: count(ranks, args) for ranks in args.ranks}
    image = 4 * args.batch * args.pixels**2
    print(f'bytes received per rank in a step of {args.batch} images per rank')
    print(f'(one view of the batch: {image} bytes, float32)')
    print(f'{"side":6s}{"kind":20s}' + ''.join(f'{n:>10d} ranks' for n in results))
    kinds = ['images', 'keys', 'grouping', 'grouping, backward', 'gradients', 'other']
    table = {
        side: {
            kind: {str(n): found[side].get(kind, 0) for n, found in results.items()}
            for kind in kinds
        }
        for side in ('ours', 'moco')
    }
    for side, rows in table.items():
        for kind, row in rows.items():
            print(f'{side:6s}{kind:20s}' + ''.join(f'{b:16,d}' for b in row.values()))
    print(json.dumps(table))


if __name__ == '__main__':
    main()
