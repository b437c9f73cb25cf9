"""use_channels_last: the faster memory layout, around a fault of oneDNN's.

On CPUs without AVX-512, the backward pass of oneDNN (in torch 2.13) writes beyond its
buffers in 1×1 convolutions with a stride whose input channels are no multiple of 8, and
the process crashes later. Networks of the usual width have none.
"""

from functools import partial

import torch
from torch import Tensor, nn


def use_channels_last(backbone: nn.Module) -> None:
    """Turn a backbone into channels_last, in place.

    1×1 convolutions that crash drop what their stride skips before they compute,
    instead of within; the values are the same.
    """
    backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d) and _crashes(module):
            module.register_forward_pre_hook(partial(_subsample, module.stride))
            module.stride = (1, 1)


def _crashes(module: nn.Conv2d) -> bool:
    return (
        module.kernel_size == (1, 1)
        and module.padding == (0, 0)
        and module.stride != (1, 1)
        and module.in_channels % 8 != 0
    )


def _subsample(
    stride: tuple[int, ...], module: nn.Module, inputs: tuple[Tensor, ...]
) -> Tensor:
    rows, columns = stride
    return inputs[0][..., ::rows, ::columns]
