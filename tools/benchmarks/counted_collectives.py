"""Counts what a rank receives through torch.distributed, by what it is for."""

import functools
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch import distributed as dist

# What an exchange is for, by the innermost function of these that asks for it.
KINDS = {
    'shuffle': 'images',
    'gather_images': 'images',
    'gather_shuffled': 'keys',
    'gather_keys': 'keys',
    'group': 'grouping',
    'backward': 'grouping, backward',
    'allreduce_hook': 'gradients',
    '_exchange': 'stop signals',
    'before_val_epoch': 'evaluation',
    'check_same': 'same setup',
    'save_state': 'checkpoint',
    '_save': 'checkpoint',
    'checksums_differ': 'checksums',
    '_stop': 'error',
}


def num_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def all_to_all(
    out: Tensor,
    rows: Tensor,
    received: list[int] | None = None,
    sent: list[int] | None = None,
    **_: Any,
) -> int:
    own = len(out) // dist.get_world_size()
    own = received[dist.get_rank()] if received else own
    return num_bytes(out) - num_bytes(out[:own])


def all_gather(out: Tensor, rows: Tensor, **_: Any) -> int:
    return num_bytes(out) - num_bytes(rows)


def reduce_scatter(out: Tensor, rows: Tensor, **_: Any) -> int:
    return num_bytes(rows) - num_bytes(out)


def all_reduce(tensor: Tensor, *_: Any, **__: Any) -> int:
    return 2 * num_bytes(tensor) * (dist.get_world_size() - 1) // dist.get_world_size()


def broadcast(tensor: Tensor, src: int = 0, **_: Any) -> int:
    return num_bytes(tensor) * (dist.get_rank() != src)


def all_gather_list(out: list[Tensor], rows: Tensor, *_: Any, **__: Any) -> int:
    return num_bytes(rows) * (dist.get_world_size() - 1)


def gather_list(rows: Tensor, out: Any = None, *_: Any, **__: Any) -> int:
    return num_bytes(rows) * (dist.get_world_size() - 1) * bool(out)


COUNTED: dict[str, Callable[..., int]] = {
    'all_to_all_single': all_to_all,
    'all_gather_single': all_gather,
    'all_gather_into_tensor': all_gather,
    'reduce_scatter_single': reduce_scatter,
    'reduce_scatter_tensor': reduce_scatter,
    'all_reduce': all_reduce,
    'broadcast': broadcast,
    'all_gather': all_gather_list,
    'gather': gather_list,
    'barrier': lambda *_, **__: 0,
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
        self._plain: list[tuple[Any, str, Callable]] = []

    def __enter__(self) -> 'Received':
        # Collectives of objects call those of tensors within their own module.
        for module in (dist, dist.distributed_c10d):
            for name, count in COUNTED.items():
                if hasattr(module, name):
                    plain = getattr(module, name)
                    self._plain.append((module, name, plain))
                    setattr(module, name, self._counted(name, plain, count))
        return self

    def __exit__(self, *error: object) -> None:
        for module, name, function in self._plain:
            setattr(module, name, function)

    def _counted(self, name: str, plain: Callable, count: Callable[..., int]) -> Any:
        @functools.wraps(plain)
        def counted(*args: Any, **kwargs: Any) -> Any:
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
