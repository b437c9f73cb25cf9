"""MemoryBank: one feature for every image of the dataset.

Source: NPID (arXiv 1805.01978), section 3.2.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather

from .base import Memory, check_size_in_memory, storage_dtype
from .initial_rows import initial_rows


class MemoryBank(Memory):
    """``(n, C)`` rows of unit length, each a moving average of its image's features.

    Initialized with random rows. On several ranks, every bank is updated with the
    features of all ranks in the same order, so all stay identical.

    Args:
        num_images: n, the size of the training set.
        channels: C.
        momentum: weight of the new feature in each average (0.5 in the paper, where
            both meanings of the word give the same).
        dtype: storage type, 'float32' or 'float16' (half the memory: 328 instead of
            656 MB for ImageNet at C 128).

    Attributes:
        features: the rows, a buffer.

    Raises:
        ValueError: n or C is below 1, momentum is outside (0, 1], the type is unknown,
            or the bank is larger than the machine's memory.
    """

    keeps_rows = True
    features: Tensor

    def __init__(
        self,
        num_images: int,
        channels: int,
        momentum: float = 0.5,
        dtype: str = 'float32',
    ) -> None:
        super().__init__()
        if not 0 < momentum <= 1:
            raise ValueError(
                f'bank_momentum must be in (0, 1], got {momentum}; it is the weight of '
                'the new feature, 0.5 in the paper.'
            )
        self.num_images = num_images
        self.momentum = momentum
        self._allocate(channels, storage_dtype(dtype, 'bank_dtype'))

    def _allocate(self, channels: int, dtype: torch.dtype) -> None:
        check_size_in_memory(self.num_images, channels, dtype, 'num_images')
        rows = initial_rows(self.num_images, channels, 0, self.num_images)
        self.register_buffer('features', rows.to(dtype))

    def __len__(self) -> int:
        return self.num_images

    @torch.no_grad()
    def update(self, indices: Tensor, features: Tensor) -> None:
        """Average one view's features into the rows of their images.

        Args:
            indices: rows, ``(N,)`` int64; of an index that occurs twice (a sampler's
                padding), the last feature is used.
            features: ``(N, C)`` of unit length.
        """
        indices, features = gather(indices), gather(features.float())
        bank, rows = self._kept(indices)
        self.keep(bank, rows)
        same = indices[:, None] == indices[None]
        places = torch.arange(len(indices), device=indices.device)
        last = (same * places).amax(dim=1)
        self._average(bank, rows, features[last])

    def _kept(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The tensor that stores the rows, and their indices in it."""
        return self.features, indices

    def _average(self, bank: Tensor, rows: Tensor, features: Tensor) -> None:
        """Average ``(N, C)`` features into rows; equal rows get equal features."""
        averaged = torch.lerp(bank[rows].float(), features, self.momentum)
        averaged = F.normalize(averaged, dim=1).to(bank.dtype)
        # Equal indices write equal rows, so the order of writes does not matter.
        bank.index_copy_(0, rows, averaged)

    def check_size(self, num_images: int) -> None:
        """Raise a ValueError unless the training set has one image per row."""
        if num_images != len(self):
            raise ValueError(
                f'The memory bank has {len(self)} rows, but the training set has '
                f'{num_images} images; set model.num_images={num_images}, or use '
                f'{len(self)} images (indices of train_dataloader.dataset). A bank '
                'belongs to one dataset, so train from scratch.'
            )

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any
    ) -> None:
        saved = state_dict.get(prefix + 'features')
        if saved is not None and saved.shape != self.features.shape:
            raise ValueError(
                f'The checkpoint has a memory bank of {tuple(saved.shape)} (images, '
                f'channels), but this model {tuple(self.features.shape)}; train on the '
                'same dataset, or from scratch.'
            )
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        return f'num_images={len(self)}, channels={self.features.shape[1]}'
