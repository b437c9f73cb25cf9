"""Versions of the packages and the hardware that a result depends on."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from cld_mm.version import __version__

PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmpretrain', 'numpy')


# What else pixels, groups and parts come from, where it is installed.
OTHERS = (
    'pillow',
    'opencv-python',
    'opencv-python-headless',
    'scipy',
    'mmcv',
    'mmcv-lite',
)


def hardware() -> str:
    """The device, in words."""
    if torch.cuda.is_available():
        return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name()}'
    return f'CPU, {torch.get_num_threads()} threads, {platform.machine()}'


def versions() -> dict[str, Any]:
    """Python's and the main packages' versions."""
    found = {'python': platform.python_version(), 'cld_mm': __version__}
    for name in PACKAGES + OTHERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name in PACKAGES:
                found[name] = 'not installed'
    return found
