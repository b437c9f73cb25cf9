"""Patches that let today's torch, numpy and OpenMMLab releases work together.

One file a matter. Each file says when its patch does nothing, so that it dies
by itself once upstream has moved. No other part of the project patches
anything.
"""

from .checkpoint_loading import allow_mmengine_checkpoints
from .checkpoint_sources import use_safe_sources
from .file_handlers import use_plain_handlers
from .mmcv_module import require_mmcv
from .torchvision_ops import define_missing_torchvision_ops

__all__ = ['apply_compat']


def apply_compat() -> None:
    """Apply every patch whose condition holds (idempotent).

    Raises:
        ImportError: neither ``mmcv`` nor ``mmcv-lite`` is installed.
    """
    require_mmcv()
    define_missing_torchvision_ops()
    allow_mmengine_checkpoints()
    use_safe_sources()
    use_plain_handlers()
