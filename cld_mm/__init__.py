"""cld_mm: self-supervised pre-training by instance and group discrimination.

``import cld_mm`` is light and changes no other library. Importing any part that builds
on mmengine (``cld_mm.registry``, ``cld_mm.apis``, ...) applies the version shims of
:mod:`cld_mm.compat`; import one of them before ``torchvision`` and ``mmpretrain``.
"""

from .version import __version__

__all__ = ['__version__']
