"""Memory: base of state that training writes but no optimizer trains."""

from typing import Any

import torch
from torch import Tensor, nn

from cld_mm.fileio.machine_memory import machine_memory


class Memory(nn.Module):
    """Base of queues and banks; their state is in buffers.

    A subclass is protected without further registration: checkpoints are refused and
    steps stopped if its buffers are not finite, rank checksums compare what is shared,
    and a captured step restores what it overwrote.

    Attributes:
        shared: all ranks hold the same values. If False, each rank keeps its own; its
            persistent buffers are saved per rank.
        keeps_rows: the subclass calls :meth:`keep` before each write, so that a
            captured step copies the overwritten rows instead of all buffers.
        overwritten: None, or what was overwritten since :meth:`start_recording`:
            tensor, rows (None for all of it) and old values.
    """

    shared = True
    keeps_rows = False
    overwritten: list[tuple[Tensor, Tensor | None, Tensor]] | None = None

    def must_be_finite(self) -> dict[str, Tensor]:
        """Tensors that must never hold NaN or infinity: floating buffers by default."""
        return {n: b for n, b in self.named_buffers() if b.is_floating_point()}

    def written(self) -> list[Tensor]:
        """Tensors that a step may write: all buffers by default."""
        return list(self.buffers())

    def start_recording(self) -> None:
        """Forget what was recorded, and record from now on for :meth:`undo`."""
        self.overwritten = []
        if not self.keeps_rows:
            for tensor in self.written():
                self.keep(tensor)

    @torch.no_grad()
    def keep(self, tensor: Tensor, rows: Tensor | None = None) -> None:
        """Record what a write to these rows (or to all) is about to overwrite."""
        if self.overwritten is not None:
            old = tensor.clone() if rows is None else tensor[rows]
            self.overwritten.append((tensor, rows, old))

    @torch.no_grad()
    def undo(self) -> None:
        """Restore what was overwritten since :meth:`start_recording`."""
        for tensor, rows, old in reversed(self.overwritten or []):
            if rows is None:
                tensor.copy_(old)
            else:
                tensor.index_copy_(0, rows, old)
        self.overwritten = None


def memories(model: nn.Module) -> dict[str, Memory]:
    """All memories of a model by name."""
    return {n: m for n, m in model.named_modules() if isinstance(m, Memory)}


def check_size_in_memory(rows: int, channels: int, dtype: Any, setting: str) -> None:
    """Raise a ValueError if a table is empty or larger than this machine's memory."""
    if rows < 1 or channels < 1:
        raise ValueError(
            f'A memory needs at least one row and one channel, got {rows} x '
            f'{channels}; set {setting} and feat_dim.'
        )
    size = rows * channels * dtype.itemsize
    available = machine_memory()
    # Linux would allocate it, and end the process when it is used.
    if available is not None and size > available:
        raise ValueError(
            f'{rows} rows of size {channels} take {size / 1e9:.1f} GB, but this '
            f'machine has {available / 1e9:.1f} GB of memory; lower {setting}.'
        )


def storage_dtype(dtype: str, setting: str) -> Any:
    """The torch type of a memory, or a ValueError that names the setting."""
    if dtype not in ('float32', 'float16'):
        raise ValueError(f"{setting} must be 'float32' or 'float16', got {dtype!r}.")
    return getattr(torch, dtype)
