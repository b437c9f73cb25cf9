"""Version shims that let today's torch, NumPy and OpenMMLab releases work together.

One file per upstream issue; each says when it does nothing. They are applied when
:mod:`cld_mm.registry` is imported, which every part of the package does that needs
mmengine.
"""

from .checkpoint_loading import allow_mmengine_checkpoints
from .dataset_copies import copy_datasets_afresh
from .mmcv_module import require_mmcv
from .torchvision_ops import define_missing_torchvision_ops

__all__ = ['apply_compat']


def apply_compat() -> None:
    """Apply every shim whose condition holds (idempotent).

    Raises:
        ImportError: neither ``mmcv`` nor ``mmcv-lite`` is installed.
    """
    require_mmcv()
    define_missing_torchvision_ops()
    allow_mmengine_checkpoints()
    copy_datasets_afresh()
