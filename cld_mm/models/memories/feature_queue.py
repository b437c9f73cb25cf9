"""FeatureQueue: MoCo's ring of past keys (arXiv 1911.05722, section 3.2)."""

import os

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FeatureQueue(nn.Module):
    """A ring of the last ``length`` keys, oldest overwritten first.

    A batch may have any size up to the length: the ring wraps inside it, so
    neither needs to divide the other. Starts as random rows of unit length.

    Args:
        length: L, how many keys it holds.
        channels: C, size of a key.
        dtype: type it is kept in, 'float32' or 'float16' (half the memory: 17 instead
            of 34 MB at 65,536 keys of size 128; keys are rounded to three digits).

    Attributes:
        features: ``(L, C)`` buffer; rows are keys.
        pointer: ``(1,)`` int64 buffer, the row that is written next. It stays
            on the device, so writing never waits for it.
        overwritten: None, or a list to which each write adds its rows and what was in
            them, for :meth:`undo`.

    Raises:
        ValueError: length or channels is below 1, the type is unknown, or the keys take
            more than the machine's memory.
    """

    features: Tensor
    pointer: Tensor
    overwritten: list[tuple[Tensor, Tensor]] | None = None

    def __init__(self, length: int, channels: int, dtype: str = 'float32') -> None:
        super().__init__()
        if length < 1 or channels < 1:
            raise ValueError(
                f'a queue of {length} keys of size {channels} cannot hold '
                'anything: set both to 1 or more.'
            )
        if dtype not in ('float32', 'float16'):
            raise ValueError(
                f"queue_dtype is {dtype!r}, but it must be 'float32' or 'float16'."
            )
        size = length * channels * torch.empty((), dtype=getattr(torch, dtype)).itemsize
        memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
        if size > memory:  # Linux would hand it out, and end the process later
            raise ValueError(
                f'a queue of {length} keys of size {channels} takes {size / 1e9:.1f} '
                f'GB, and this machine has {memory / 1e9:.1f}: lower queue_len.'
            )
        rows = F.normalize(torch.randn(length, channels), dim=1)
        self.register_buffer('features', rows.to(getattr(torch, dtype)))
        self.register_buffer('pointer', torch.zeros(1, dtype=torch.long))

    def __len__(self) -> int:
        return len(self.features)

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Write ``(N, C)`` keys of one step, in order.

        Raises:
            ValueError: there are more keys than the queue holds.
        """
        self.check_fits(len(keys))
        rows = (self.pointer + torch.arange(len(keys), device=keys.device)) % len(self)
        if self.overwritten is not None:
            self.overwritten.append((rows, self.features[rows]))
        self.features.index_copy_(0, rows, keys.to(self.features.dtype))
        self.pointer.add_(len(keys)).remainder_(len(self))

    @torch.no_grad()
    def undo(self) -> None:
        """Take back what was written since ``overwritten`` was emptied."""
        for rows, old in reversed(self.overwritten or []):
            self.features.index_copy_(0, rows, old)
            self.pointer.sub_(len(rows)).remainder_(len(self))

    def check_fits(self, num_keys: int) -> None:
        """Raise a ValueError where one step's keys are more than the queue holds."""
        if num_keys > len(self):
            raise ValueError(
                f'one step brings {num_keys} keys (batch size times ranks), but the '
                f'queue holds {len(self)}: set queue_len to at least {num_keys}, or '
                'lower the batch size.'
            )

    def extra_repr(self) -> str:
        return f'length={len(self)}, channels={self.features.shape[1]}'
