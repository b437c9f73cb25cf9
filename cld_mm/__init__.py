"""cld_mm: self-supervised pre-training by instance and group discrimination.

``import cld_mm`` is light and changes no other library; ``CLDCriterion`` needs torch
only. Importing any part that builds on mmengine (``cld_mm.registry``, ``cld_mm.apis``,
...) applies the version shims of :mod:`cld_mm.compat`; import one of them before
``torchvision`` and ``mmpretrain``.
"""

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .models.criterion import CLDCriterion

__all__ = ['CLDCriterion', '__version__']


def __getattr__(name: str) -> Any:
    """Import torch only when ``CLDCriterion`` is asked for."""
    if name == 'CLDCriterion':
        from .models.criterion import CLDCriterion

        return CLDCriterion
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
