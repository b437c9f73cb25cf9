"""A missing ``mmcv`` gets an error that says what to type.

The packages ``mmcv`` and ``mmcv-lite`` both provide the module ``mmcv`` and
overwrite each other, so the core requires neither by name. Does nothing where
the module is there, but for one warning it silences: mmcv-lite announces at
import that an operator of the full mmcv is missing, which nothing here uses.
"""

import warnings
from importlib.util import find_spec

MESSAGE = (
    'cld_mm needs the module "mmcv", and none is installed: type '
    '"pip install mmcv-lite" (enough for everything here), or install '
    'the full mmcv if you need its compiled operators; never both, '
    'they overwrite each other.'
)


def require_mmcv() -> None:
    """Raise an ImportError that says what to install if mmcv is missing."""
    if find_spec('mmcv') is None:
        raise ImportError(MESSAGE, name='mmcv')
    warnings.filterwarnings(
        'ignore', message='Fail to import ``MultiScaleDeformableAttention``'
    )
