"""ShardedMemoryBank: every rank stores only its part of the rows.

A whole bank of n rows of size C takes 4nC bytes on each rank: 512 GB at n = 10^9 and
C 128. Split over 64 ranks, that is 8 GB per rank, or 4 GB in float16.
"""

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from cld_mm.distributed.collectives import gather, world_size

from .base import check_size_in_memory
from .initial_rows import initial_rows
from .memory_bank import MemoryBank


def shard_bounds(num_rows: int, rank: int, ranks: int) -> tuple[int, int]:
    """First row of a rank and the one after its last; sizes differ by at most one."""
    return num_rows * rank // ranks, num_rows * (rank + 1) // ranks


class ShardedMemoryBank(MemoryBank):
    """MemoryBank of which this rank stores the rows from ``start`` to ``stop``.

    With the same seed on all ranks, its rows equal those of a MemoryBank. They are not
    in the state dict, which only rank 0 writes: the runner saves them beside the
    checkpoint, one file per rank. A whole bank in a checkpoint can be loaded, too.

    Args:
        *args: as in MemoryBank.

    Attributes:
        storage: ``(stop - start + 1, C)`` buffer; its last row takes writes to other
            ranks' rows, so that writing needs neither a mask nor a device sync.

    Raises:
        ValueError: as in MemoryBank, or there are fewer rows than ranks.
    """

    shared = False
    storage: Tensor

    def _allocate(self, channels: int, dtype: torch.dtype) -> None:
        ranks = world_size()
        if self.num_images < ranks:
            raise ValueError(
                f'A bank of {self.num_images} rows cannot be split over {ranks} ranks; '
                'set bank_sharded=False.'
            )
        rank = dist.get_rank() if ranks > 1 else 0
        self.start, self.stop = shard_bounds(self.num_images, rank, ranks)
        check_size_in_memory(self.stop - self.start, channels, dtype, 'num_images')
        rows = initial_rows(self.num_images, channels, self.start, self.stop)
        storage = torch.zeros(len(rows) + 1, channels, dtype=dtype)
        storage[:-1] = rows
        self.register_buffer('storage', storage, persistent=False)

    @property
    def features(self) -> Tensor:  # type: ignore[override]
        """This rank's rows, ``(stop - start, C)``."""
        return self.storage[:-1]

    def must_be_finite(self) -> dict[str, Tensor]:
        """This rank's rows."""
        return {'features': self.features}

    def owner(self, indices: Tensor) -> Tensor:
        """The rank that stores each row, int64 like ``indices``."""
        # The smallest rank whose part ends after the row, in integer arithmetic.
        return ((indices + 1) * world_size() - 1) // self.num_images

    def local(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Indices of rows in ``storage``, and whether this rank stores them."""
        mine = (indices >= self.start) & (indices < self.stop)
        places = torch.where(mine, indices - self.start, self.stop - self.start)
        return places, mine

    def _kept(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.storage, self.local(indices)[0]

    @torch.no_grad()
    def rows_of(self, indices: Tensor) -> Tensor:
        """Rows by index, zeros for those of other ranks, ``(N, C)`` float32."""
        places, mine = self.local(indices)
        return self.storage[places].float() * mine[:, None]

    def gathered(self) -> Tensor:
        """The whole bank ``(n, C)``, on every rank: for tests and small banks."""
        if world_size() == 1:
            return self.features.clone()
        size = -(-self.num_images // world_size())
        padded = self.features.new_zeros(size, self.features.shape[1])
        padded[: len(self.features)] = self.features
        parts = gather(padded).view(world_size(), size, -1)
        bounds = [
            shard_bounds(self.num_images, rank, world_size())
            for rank in range(world_size())
        ]
        return torch.cat(
            [part[: b - a] for part, (a, b) in zip(parts, bounds, strict=True)]
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any
    ) -> None:
        whole = state_dict.pop(prefix + 'features', None)
        if whole is None:
            return
        wanted = (self.num_images, self.features.shape[1])
        if tuple(whole.shape) != wanted:
            raise ValueError(
                f'The checkpoint has a memory bank of {tuple(whole.shape)} (images, '
                f'channels), but this model {wanted}; train on the same dataset, or '
                'from scratch.'
            )
        self.features.copy_(whole[self.start : self.stop])

    def extra_repr(self) -> str:
        return (
            f'num_images={self.num_images}, channels={self.storage.shape[1]}, '
            f'rows {self.start} to {self.stop}'
        )
