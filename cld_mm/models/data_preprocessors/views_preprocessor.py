"""ViewsPreprocessor: to the device as bytes; there colors, blur and normalizing."""

from typing import Any

import torch
from mmpretrain.models import SelfSupDataPreprocessor
from torch import Tensor

from cld_mm.augmentation.color_batch import augment_batch
from cld_mm.augmentation.crop_batch import crop_batch, erase_batch
from cld_mm.registry import MODELS

TOGETHER = 2**23  # values of all views at most; more would cost memory, not save time


@MODELS.register_module()
class ViewsPreprocessor(SelfSupDataPreprocessor):
    """mmpretrain's SelfSupDataPreprocessor, which also augments on the device.

    Where a batch brings 'augmentations' (RandomView with ``on_device=True``), they are
    applied before normalization; where the crop is left too (InMemoryViews), each image
    arrives once and all views are made of it. Otherwise this is the base class.

    Args:
        *args, **kwargs: as in the base class.
        non_blocking: move a batch without synchronizing with the device; off in
            mmpretrain.
    """

    def __init__(self, *args: Any, non_blocking: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, non_blocking=non_blocking, **kwargs)

    # Autocast would blur in half precision.
    @torch.autocast('cuda', enabled=False)
    @torch.autocast('cpu', enabled=False)
    @torch.no_grad()
    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a batch.

        Args:
            data: ``inputs``: one ``(N, C, H, W)`` or a list of V such;
                ``data_samples``; possibly ``augmentations``, ``(N, V, 16)`` or with
                erasing ``(N, V, 20)``, CPU, and with one tensor of whole images
                ``crop_size``, pixels.
            training: passed on.

        Returns:
            ``inputs`` float and normalized, and ``data_samples``.

        Raises:
            ValueError: the views and their parameters differ in number.
        """
        drawn = data.get('augmentations')
        if drawn is None:
            return super().forward(data, training)
        views = data['inputs']
        size = data.get('crop_size')
        if size is not None:
            cast = self.cast_data(
                {'inputs': views, 'data_samples': data.get('data_samples')}
            )
            images = cast['inputs'].float()
            crops = [crop_batch(images, own, size) for own in drawn.cpu().unbind(1)]
            return {
                'inputs': self._augmented(crops, drawn),
                'data_samples': cast['data_samples'],
            }
        if not isinstance(views, list) or drawn.shape[1] != len(views):
            raise ValueError(
                f'{len(views)} views came with parameters of {drawn.shape[1]}: pack '
                'both by PackViews.'
            )
        cast = self.cast_data(
            {'inputs': views, 'data_samples': data.get('data_samples')}
        )
        return {
            'inputs': self._augmented(cast['inputs'], drawn),
            'data_samples': cast['data_samples'],
        }

    def _augmented(self, views: list[Tensor], drawn: Tensor) -> list[Tensor]:
        """Small views together: a GPU spends their time on starting operations."""
        drawn = drawn.cpu().transpose(0, 1)  # (V, N, ...)
        if sum(view.numel() for view in views) > TOGETHER:
            return [
                self._augmented_once(*pair) for pair in zip(views, drawn, strict=True)
            ]
        joined = self._augmented_once(torch.cat(views), drawn.flatten(0, 1))
        return list(joined.split(len(views[0])))

    def _augmented_once(self, view: Tensor, drawn: Tensor) -> Tensor:
        if self._channel_conversion:
            view = view[:, [2, 1, 0]]
        view = augment_batch(view.float(), drawn)
        if self._enable_normalize:
            view = (view - self.mean) / self.std
        view = erase_batch(view, drawn)
        return view.contiguous(memory_format=torch.channels_last)
