"""ShardedMemoryBank: every rank holds its part of the rows, and no others.

One bank of n rows of size C takes 4nC bytes on each rank: 512 GB at n = 10^9 and C
128. Split over 64 ranks it is 8 GB a rank, or 4 GB in float16.
"""

import torch
from torch import Tensor
from torch import distributed as dist

from cld_mm.distributed.collectives import gather, world_size

from .initial_rows import initial_rows
from .memory_bank import MemoryBank


def shard_bounds(num_rows: int, rank: int, ranks: int) -> tuple[int, int]:
    """First row of a rank and the one after its last; sizes differ by one at most."""
    return num_rows * rank // ranks, num_rows * (rank + 1) // ranks


class ShardedMemoryBank(MemoryBank):
    """As MemoryBank, with rows ``start`` to ``stop`` of its n on this rank.

    With the same seed on all ranks its rows are those of the MemoryBank. They are no
    part of the state dict, which rank 0 alone would write: ResumableRunner keeps them
    beside the checkpoint, a file a rank. A whole bank in a checkpoint is read, each
    rank its own rows.

    Args:
        *args: as in MemoryBank.

    Attributes:
        storage: ``(stop - start + 1, C)`` buffer; its last row takes what is written to
            other ranks' rows, so that writing needs neither a mask nor a wait.

    Raises:
        ValueError: as in MemoryBank, or there are fewer rows than ranks.
    """

    storage: Tensor

    def _allocate(self, channels: int, dtype: torch.dtype) -> None:
        ranks = world_size()
        if self.num_images < ranks:
            raise ValueError(
                f'a bank of {self.num_images} rows cannot be split over {ranks} ranks: '
                'leave bank_sharded off.'
            )
        rank = dist.get_rank() if ranks > 1 else 0
        self.start, self.stop = shard_bounds(self.num_images, rank, ranks)
        rows = initial_rows(self.num_images, channels, self.start, self.stop)
        storage = torch.zeros(len(rows) + 1, channels, dtype=dtype)
        storage[:-1] = rows
        self.register_buffer('storage', storage, persistent=False)

    @property
    def features(self) -> Tensor:  # type: ignore[override]
        """This rank's rows, ``(stop - start, C)``."""
        return self.storage[:-1]

    def owner(self, indices: Tensor) -> Tensor:
        """The rank that holds each row, int64 like ``indices``."""
        # The smallest rank whose part ends after the row, in whole numbers.
        return ((indices + 1) * world_size() - 1) // self.num_images

    def local(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Places of rows in ``storage``, and whether this rank holds them."""
        mine = (indices >= self.start) & (indices < self.stop)
        places = torch.where(mine, indices - self.start, self.stop - self.start)
        return places, mine

    def _kept(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.storage, self.local(indices)[0]

    @torch.no_grad()
    def rows_of(self, indices: Tensor) -> Tensor:
        """Rows for each index; zeros for those of other ranks: ``(N, C)`` float32."""
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

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        whole = state_dict.pop(prefix + 'features', None)
        if whole is None:
            return
        wanted = (self.num_images, self.features.shape[1])
        if tuple(whole.shape) != wanted:
            raise ValueError(
                f'the checkpoint holds a memory bank of {tuple(whole.shape)} (images, '
                f'channels) but this model has {wanted}: a bank belongs to one data '
                'set, so train on the same one, or start anew.'
            )
        self.features.copy_(whole[self.start : self.stop])

    def extra_repr(self) -> str:
        return (
            f'num_images={self.num_images}, channels={self.storage.shape[1]}, '
            f'rows {self.start} to {self.stop}'
        )
