"""ViewsPreprocessor: to the device as bytes; there colours, blur and normalising."""

import torch
from mmpretrain.models import SelfSupDataPreprocessor
from torch import Tensor

from cld_mm.registry import MODELS

from .batch_colour import augment_batch


@MODELS.register_module()
class ViewsPreprocessor(SelfSupDataPreprocessor):
    """mmpretrain's SelfSupDataPreprocessor, which also augments on the device.

    Where a batch brings 'augmentations' (RandomView with ``on_device=True``), they are
    applied before normalising; otherwise this is the base class.
    """

    @torch.no_grad()
    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a batch.

        Args:
            data: ``inputs``: one ``(N, C, H, W)`` or a list of V such;
                ``data_samples``; possibly ``augmentations``, ``(N, V, 16)``, CPU.
            training: handed on.

        Returns:
            ``inputs`` float and normalised, and ``data_samples``.

        Raises:
            ValueError: the views and their parameters differ in number.
        """
        drawn = data.get('augmentations')
        if drawn is None:
            return super().forward(data, training)
        views = data['inputs']
        if not isinstance(views, list) or drawn.shape[1] != len(views):
            raise ValueError(
                f'{len(views)} views came with parameters of {drawn.shape[1]}: pack '
                'both by PackViews.'
            )
        cast = self.cast_data(
            {'inputs': views, 'data_samples': data.get('data_samples')}
        )
        return {
            'inputs': [
                self._augmented(view, drawn[:, place].cpu())
                for place, view in enumerate(cast['inputs'])
            ],
            'data_samples': cast['data_samples'],
        }

    def _augmented(self, view: Tensor, drawn: Tensor) -> Tensor:
        if self._channel_conversion:
            view = view[:, [2, 1, 0]]
        view = augment_batch(view.float(), drawn)
        if self._enable_normalize:
            view = (view - self.mean) / self.std
        return view.contiguous(memory_format=torch.channels_last)
