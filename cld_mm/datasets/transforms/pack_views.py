"""PackViews and collate_views: bytes, channels last, from the worker to the device."""

import numpy as np
import torch
from mmengine.dataset import default_collate
from mmengine.registry import FUNCTIONS
from mmpretrain.datasets.transforms import PackInputs
from torch import Tensor

from cld_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackViews(PackInputs):
    """mmpretrain's PackInputs without rearranging the pixels in memory.

    A view becomes ``(3, H, W)`` as there, but keeps the image's memory layout; with
    :func:`collate_views` that costs no copy. What RandomView left to the device is
    packed under 'augmentations', ``(V, 16)`` or, with erasing, ``(V, 20)``.
    """

    @staticmethod
    def format_input(input_: list | np.ndarray) -> list | Tensor:
        """A view, or a list of them, as tensors ``(C, H, W)``."""
        if isinstance(input_, list):
            return [PackViews.format_input(item) for item in input_]
        image = np.ascontiguousarray(input_)
        return torch.from_numpy(image).view(*image.shape[:2], -1).permute(2, 0, 1)

    def transform(self, results: dict) -> dict:
        """Pack views, data sample and parameters."""
        packed = super().transform(results)
        if 'augmentations' in results:
            packed['augmentations'] = torch.from_numpy(results['augmentations'])
        return packed


@FUNCTIONS.register_module()
def collate_views(samples: list[dict]) -> dict:
    """mmengine's default_collate; images keep their memory layout.

    Args:
        samples: what PackViews or PackInputs makes.

    Returns:
        ``inputs``: ``(N, C, H, W)`` or a list of such, in channels_last where the
        images are; the rest as default_collate has it.
    """
    inputs = [sample.pop('inputs') for sample in samples]
    batch = default_collate(samples)
    if isinstance(inputs[0], list):
        views = [_stack(view) for view in zip(*inputs, strict=True)]
        return {'inputs': views, **batch}
    return {'inputs': _stack(inputs), **batch}


def _stack(images: tuple | list) -> Tensor:
    if images[0].is_contiguous():
        return torch.stack(tuple(images))
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)
