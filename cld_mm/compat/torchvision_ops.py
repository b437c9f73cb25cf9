"""Lets a CPU-only torch import torchvision's wheel that was built for CUDA.

The package index has one torchvision wheel for Linux x86-64, the CUDA one. Its
compiled operators do not load under a CPU-only torch, and
``torchvision/_meta_registrations.py`` then fails on ``torchvision::nms``.
Defining the schemas of the two operators that it registers fakes for is
enough for transforms, models and datasets; torchvision's own compiled
operators stay unavailable and say so when called.

Does nothing where torch has CUDA, where torchvision is a CPU build or absent,
or where torchvision is already imported.
"""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import torch

SCHEMAS = (
    'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
)

# A torch.library.Library takes its definitions with it when it is collected.
_kept_alive: list[torch.library.Library] = []


def torchvision_cuda_version() -> str | None:
    """The CUDA torchvision was built for ('cu130'), or None (CPU or absent).

    Read from the local part of the version in torchvision's ``version.py``
    without importing torchvision, which is what fails.
    """
    spec = find_spec('torchvision')
    if spec is None or spec.origin is None:
        return None
    version_file = Path(spec.origin).with_name('version.py')
    if not version_file.is_file():
        return None
    match = re.search(r"__version__ = '[^'+]*\+(cu\d+)", version_file.read_text())
    return match.group(1) if match else None


def define_missing_torchvision_ops() -> bool:
    """Define the two schemas where they are missing; True if it did."""
    if _kept_alive or 'torchvision' in sys.modules:
        return False
    if torch.version.cuda is not None or torchvision_cuda_version() is None:
        return False
    library = torch.library.Library('torchvision', 'DEF')
    for schema in SCHEMAS:
        library.define(schema)
    _kept_alive.append(library)
    return True
