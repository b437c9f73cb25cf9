"""MemoryBank: one feature for every image of the data set.

Source: NPID (arXiv 1805.01978), section 3.2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather

from .initial_rows import initial_rows


class MemoryBank(nn.Module):
    """``(n, C)`` rows of unit length, each averaged with its image's features.

    Starts as random rows. On several ranks every bank takes all ranks' features
    in the same order, so all stay identical.

    Args:
        num_images: n, the size of the training set.
        channels: C.
        momentum: share of the new feature in each average (0.5 in the paper,
            where either meaning of the word gives the same).
        dtype: type it is kept in, 'float32' or 'float16' (half the memory: 328
            instead of 656 MB for ImageNet at C 128).

    Attributes:
        features: the rows, a buffer.
        overwritten: as in FeatureQueue.

    Raises:
        ValueError: n or C is below 1, momentum outside (0, 1], or the type
            unknown.
    """

    features: Tensor
    overwritten: list[tuple[Tensor, Tensor]] | None = None

    def __init__(
        self,
        num_images: int,
        channels: int,
        momentum: float = 0.5,
        dtype: str = 'float32',
    ) -> None:
        super().__init__()
        if num_images < 1 or channels < 1:
            raise ValueError(
                f'a bank of {num_images} images with features of size '
                f'{channels} cannot hold anything: set num_images to the '
                "size of the training set and feat_dim to the neck's."
            )
        if not 0 < momentum <= 1:
            raise ValueError(
                f'bank_momentum is {momentum}, but it is the share of the '
                'new feature and lies in (0, 1]: the paper uses 0.5.'
            )
        if dtype not in ('float32', 'float16'):
            raise ValueError(
                f"bank_dtype is {dtype!r}, but it must be 'float32' or 'float16'."
            )
        self.num_images = num_images
        self.momentum = momentum
        self._allocate(channels, getattr(torch, dtype))

    def _allocate(self, channels: int, dtype: torch.dtype) -> None:
        rows = initial_rows(self.num_images, channels, 0, self.num_images)
        self.register_buffer('features', rows.to(dtype))

    def __len__(self) -> int:
        return self.num_images

    @torch.no_grad()
    def update(self, indices: Tensor, features: Tensor) -> None:
        """Average one view's features into the rows of their images.

        Args:
            indices: rows, ``(N,)`` int64; where one occurs twice (a sampler's
                padding), its last feature counts.
            features: ``(N, C)`` of unit length.
        """
        indices, features = gather(indices), gather(features.float())
        bank, rows = self._kept(indices)
        if self.overwritten is not None:
            self.overwritten.append((rows, bank[rows]))
        same = indices[:, None] == indices[None]
        places = torch.arange(len(indices), device=indices.device)
        last = (same * places).amax(dim=1)
        self._average(bank, rows, features[last])

    def _kept(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The tensor that rows are kept in, and their places there."""
        return self.features, indices

    def _average(self, bank: Tensor, rows: Tensor, features: Tensor) -> None:
        """Average ``(N, C)`` features into rows; equal rows bring equal features."""
        averaged = torch.lerp(bank[rows].float(), features, self.momentum)
        averaged = F.normalize(averaged, dim=1).to(bank.dtype)
        # Equal indices write equal rows, so the order of writing cannot matter.
        bank.index_copy_(0, rows, averaged)

    @torch.no_grad()
    def undo(self) -> None:
        """Take back what was written since ``overwritten`` was emptied."""
        for rows, old in reversed(self.overwritten or []):
            self._kept(rows)[0].index_copy_(0, rows, old)

    def check_size(self, num_images: int) -> None:
        """Raise a ValueError unless the training set has as many images."""
        if num_images != len(self):
            raise ValueError(
                f'the memory bank has {len(self)} rows but the training set '
                f'{num_images} images: set model.num_images={num_images}, or choose '
                f'{len(self)} images by indices in train_dataloader.dataset, and start '
                'anew, because a bank belongs to one data set.'
            )

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        saved = state_dict.get(prefix + 'features')
        if saved is not None and saved.shape != self.features.shape:
            raise ValueError(
                f'the checkpoint holds a memory bank of {tuple(saved.shape)} (images, '
                f'channels) but this model has {tuple(self.features.shape)}: a bank '
                'belongs to one data set, so train on the same one, or start anew.'
            )
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        return f'num_images={len(self)}, channels={self.features.shape[1]}'
