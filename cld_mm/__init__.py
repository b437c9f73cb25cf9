"""cld_mm: self-supervised pre-training by instance and group discrimination.

Importing the package applies the compatibility patches of
:mod:`cld_mm.compat`, so ``import cld_mm`` comes before ``import mmpretrain``
or ``import torchvision`` in a script of one's own.
"""

from .compat import apply_compat
from .version import __version__

apply_compat()

__all__ = ['__version__']
