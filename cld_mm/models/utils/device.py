"""Where reading a tensor's value is free."""

from torch import Tensor


def on_cpu(tensor: Tensor) -> bool:
    """Whether values can be read without a device sync."""
    return tensor.device.type == 'cpu'
