"""Checksums of what must be the same on every rank."""

import torch
from torch import Tensor, nn

from cld_mm.models.memories import memories

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def shared_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters (also of momentum encoders) and shared memories by name.

    Other buffers, such as BatchNorm's statistics, may differ between ranks.
    """
    shared = {name: value.detach() for name, value in model.named_parameters()}
    for name, memory in memories(model).items():
        if memory.shared:
            shared |= {f'{name}.{key}': value for key, value in memory.named_buffers()}
    return shared


@torch.no_grad()
def checksums(tensors: list[Tensor]) -> Tensor:
    """Sum of each tensor's bits, read as integers: ``(T,)`` int64, on its device.

    Integer sums do not depend on the order, so equal tensors have equal sums on any
    hardware, and a change of one bit changes the sum.

    Args:
        tensors: T of them, of any type, on one device.
    """
    sums = []
    for tensor in tensors:
        if not tensor.is_contiguous():  # channels_last: another order
            tensor = (
                tensor.as_strided((tensor.numel(),), (1,))
                if (tensor.is_contiguous(memory_format=torch.channels_last))
                else tensor.contiguous()
            )
        sums.append(
            tensor.view(_INTEGERS[tensor.element_size()]).sum(dtype=torch.int64)
        )
    return torch.stack(sums)
