"""FeatureQueue: MoCo's ring of past keys (arXiv 1911.05722, section 3.2)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .base import Memory, check_size_in_memory, storage_dtype


class FeatureQueue(Memory):
    """A ring of the last ``length`` keys; the oldest are overwritten first.

    Batches may have any size up to the length: the ring wraps within a batch, so
    neither needs to divide the other. Initialized with random rows of unit length.

    Args:
        length: L, number of keys.
        channels: C, size of a key.
        dtype: storage type, 'float32' or 'float16' (half the memory: 17 instead of
            34 MB at 65,536 keys of size 128; keys are rounded to three digits).

    Attributes:
        features: ``(L, C)`` buffer; rows are keys.
        pointer: ``(1,)`` int64 buffer, the next row to write. It stays on the device,
            so writing never synchronizes.

    Raises:
        ValueError: length or channels is below 1, the type is unknown, or the queue
            is larger than the machine's memory.
    """

    keeps_rows = True
    features: Tensor
    pointer: Tensor

    def __init__(self, length: int, channels: int, dtype: str = 'float32') -> None:
        super().__init__()
        kind = storage_dtype(dtype, 'queue_dtype')
        check_size_in_memory(length, channels, kind, 'queue_len')
        rows = F.normalize(torch.randn(length, channels), dim=1)
        self.register_buffer('features', rows.to(kind))
        self.register_buffer('pointer', torch.zeros(1, dtype=torch.long))

    def __len__(self) -> int:
        return len(self.features)

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Write the ``(N, C)`` keys of one step, in order.

        Raises:
            ValueError: there are more keys than the queue holds.
        """
        self.check_fits(len(keys))
        rows = (self.pointer + torch.arange(len(keys), device=keys.device)) % len(self)
        self.keep(self.pointer)
        self.keep(self.features, rows)
        self.features.index_copy_(0, rows, keys.to(self.features.dtype))
        self.pointer.add_(len(keys)).remainder_(len(self))

    def check_fits(self, num_keys: int) -> None:
        """Raise a ValueError if one step has more keys than the queue holds."""
        if num_keys > len(self):
            raise ValueError(
                f'One step adds {num_keys} keys (batch size times ranks), but the '
                f'queue holds {len(self)}; set queue_len to at least {num_keys}, or '
                'lower the batch size.'
            )

    def extra_repr(self) -> str:
        return f'length={len(self)}, channels={self.features.shape[1]}'
