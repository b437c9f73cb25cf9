"""What a backbone returns: its layout, and the size of its pooled feature."""

from typing import Any

import torch
from torch import Tensor, nn

from cld_mm.models.layers import pooled


def standardize_output(backbone: nn.Module) -> None:
    """Let a backbone return vectors or ``(N, C, H, W)`` maps as its last output.

    timm's transformers return all tokens, or maps with the channels last; mmpretrain's
    do with ``out_type='raw'``. Tokens become the class token, or their mean if there is
    none. Other outputs stay as they are.
    """
    backbone.register_forward_hook(_standardize)


def _standardize(backbone: nn.Module, inputs: Any, outputs: Any) -> Any:
    x = outputs if isinstance(outputs, Tensor) else outputs[-1]
    source: Any = getattr(backbone, 'timm_model', backbone)
    if x.ndim == 3:
        x = _from_tokens(x, source)
    elif x.ndim == 4 and getattr(source, 'output_fmt', 'NCHW') == 'NHWC':
        x = x.permute(0, 3, 1, 2)
    else:
        return outputs
    return x if isinstance(outputs, Tensor) else (*outputs[:-1], x)


def _from_tokens(tokens: Tensor, source: Any) -> Tensor:
    """``(N, C)`` from the tokens ``(N, L, C)`` of timm's and mmpretrain's models."""
    has_class_token = getattr(source, 'has_class_token', None)
    if has_class_token is None:
        has_class_token = getattr(source, 'cls_token', None) is not None
    if has_class_token:
        return tokens[:, 0]
    extra = getattr(source, 'num_prefix_tokens', getattr(source, 'num_extra_tokens', 0))
    return tokens[:, extra:].mean(dim=1)


@torch.no_grad()
def feature_size(backbone: nn.Module) -> int:
    """Size C of the backbone's pooled feature, from a forward pass of one image.

    Raises:
        ValueError: the backbone encodes no image of a usual size.
    """
    parameter = next(backbone.parameters())
    source: Any = getattr(backbone, 'timm_model', backbone)
    size = getattr(source, 'img_size', None) or getattr(
        getattr(source, 'patch_embed', None), 'img_size', None
    )
    sizes = [size] if size else [32, 64, 224]
    convolutions = (m for m in backbone.modules() if isinstance(m, nn.Conv2d))
    channels = next((m.in_channels for m in convolutions), 3)
    was_training = {module: module.training for module in backbone.modules()}
    backbone.eval()  # BatchNorm keeps its statistics
    error: Exception | None = None
    try:
        for size in sizes:
            height, width = (size, size) if isinstance(size, int) else size
            try:
                image = parameter.new_zeros(1, channels, int(height), int(width))
                return pooled(backbone(image)).shape[1]
            except (RuntimeError, AssertionError, ValueError) as raised:
                error = raised
    finally:
        for module, mode in was_training.items():
            module.training = mode
    raise ValueError(
        f'Cannot infer the feature size of {type(backbone).__name__} from images of '
        f'{sizes} pixels ({error}); set in_channels of the neck.'
    )
