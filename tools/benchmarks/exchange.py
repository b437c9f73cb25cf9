"""Bytes each rank receives in a MoCo v2 + CLD step, by number of ranks.

``python tools/benchmarks/exchange.py``: real steps of a narrow model in 2, 4 and 8
processes over gloo on a CPU. What torch.distributed's functions bring is counted by
wrapping them; the last line is JSON, bytes by side, kind and world size. Sides:

- ours: images travel by all-to-all, keys by one all-gather, groups are of all ranks;
- moco: the same but for the images, which every rank gathers before it takes its part
  of a common permutation (MoCo, arXiv 1911.05722, section 3.3).

A reduction over R ranks counts as a ring does it: (R - 1) / R of the tensor a rank
receives in a reduce-scatter, twice that in an all-reduce.
"""

import argparse
import functools
import json
import os
import socket
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.benchmarks.counts import at_least


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Count what ranks exchange.')
    parser.add_argument('--ranks', type=at_least(1), nargs='+', default=[2, 4, 8])
    parser.add_argument('--batch', type=at_least(2), default=64, help='images a rank')
    parser.add_argument('--pixels', type=at_least(1), default=28)
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor
from torch import distributed as dist
from torch import multiprocessing as mp
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from cld_mm.models.algorithms import MoCo
from cld_mm.models.algorithms.base import instance_of
from cld_mm.distributed.collectives import gather
from cld_mm.registry import MODELS


RECIPE = ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py'
# What an exchange is for, by the innermost function of these that asks for it.
KINDS = {
    'shuffle': 'images',
    'gather_images': 'images',
    'gather_shuffled': 'keys',
    'gather_keys': 'keys',
    'group': 'grouping',
    'backward': 'grouping, backward',
    'allreduce_hook': 'gradients',
}


def num_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def all_to_all(out: Tensor, rows: Tensor, received=None, sent=None, **_) -> int:
    own = len(out) // dist.get_world_size()
    own = received[dist.get_rank()] if received else own
    return num_bytes(out) - num_bytes(out[:own])


def all_gather(out: Tensor, rows: Tensor, **_) -> int:
    return num_bytes(out) - num_bytes(rows)


def reduce_scatter(out: Tensor, rows: Tensor, **_) -> int:
    return num_bytes(rows) - num_bytes(out)


def all_reduce(tensor: Tensor, *_, **__) -> int:
    return 2 * num_bytes(tensor) * (dist.get_world_size() - 1) // dist.get_world_size()


def broadcast(tensor: Tensor, src: int = 0, **_) -> int:
    return num_bytes(tensor) * (dist.get_rank() != src)


COUNTED: dict[str, Callable[..., int]] = {
    'all_to_all_single': all_to_all,
    'all_gather_single': all_gather,
    'all_gather_into_tensor': all_gather,
    'reduce_scatter_single': reduce_scatter,
    'reduce_scatter_tensor': reduce_scatter,
    'all_reduce': all_reduce,
    'broadcast': broadcast,
}


class Received:
    """A context in which collectives are counted, by what they are for.

    Attributes:
        bytes: received by this rank, by kind.
        calls: by ``(kind, name of the collective)``.
    """

    def __init__(self) -> None:
        self.bytes: Counter[str] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        self._plain: dict[str, Callable] = {}

    def __enter__(self) -> 'Received':
        for name, count in COUNTED.items():
            if hasattr(dist, name):
                self._plain[name] = getattr(dist, name)
                setattr(dist, name, self._counted(name, count))
        return self

    def __exit__(self, *error) -> None:
        for name, function in self._plain.items():
            setattr(dist, name, function)

    def _counted(self, name: str, count: Callable[..., int]) -> Callable:
        plain = self._plain[name]

        @functools.wraps(plain)
        def counted(*args, **kwargs):
            kind = _kind()
            self.bytes[kind] += count(*args, **kwargs)
            self.calls[kind, name] += 1
            return plain(*args, **kwargs)

        return counted


def _kind() -> str:
    frame: Any = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name in KINDS:
            return KINDS[frame.f_code.co_name]
        frame = frame.f_back
    return 'other'


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


def rank(number: int, ranks: int, port: int, args: Any, out: str) -> None:
    """Count in one process; rank 0 writes what it received."""
    torch.set_num_threads(1)
    warnings.filterwarnings('ignore', message='.broadcast_buffers. is deprecated')
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=number, world_size=ranks)
    sides = {'ours': MoCo, 'moco': GatheringMoCo}
    found = {
        side: step_of(kind, args.batch, args.pixels).bytes
        for side, kind in sides.items()
    }
    if number == 0:
        Path(out).write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def count(ranks: int, args: argparse.Namespace) -> dict[str, dict[str, int]]:
    """Bytes rank 0 receives with so many ranks, by side and kind."""
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


def main() -> None:
    args = parse_args()
    MODELS.get('ResNet_CIFAR')  # imports what all processes need
    results = {ranks: count(ranks, args) for ranks in args.ranks}
    image = 4 * args.batch * args.pixels**2
    print(f'bytes a rank receives in a step of {args.batch} images a rank')
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
