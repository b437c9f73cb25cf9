"""The trained backbone alone, for other libraries, and verified.

A file that its library does not load strictly, or whose features differ, is not kept.
"""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .export_form import Export
from .export_libraries import to_huggingface, to_library
from .export_openmmlab import to_mmdet, to_mmpretrain, to_safetensors
from .export_runtimes import to_onnx, to_torch_export
from .source_backbone import SourceBackbone, load_source

FORMS: dict[str, Callable[[SourceBackbone, Tensor], Export]] = {
    'timm': partial(to_library, 'timm'),
    'torchvision': partial(to_library, 'torchvision'),
    'mmpretrain': to_mmpretrain,
    'mmdet': to_mmdet,
    'safetensors': to_safetensors,
    'huggingface': to_huggingface,
    'onnx': to_onnx,
    'torch-export': to_torch_export,
}
SUFFIXES = {
    'safetensors': ('.safetensors',),
    'onnx': ('.onnx',),
    'torch-export': ('.pt2',),
    'timm': ('.pth', '.pt', '.bin', '.safetensors'),
    'torchvision': ('.pth', '.pt', '.bin', '.safetensors'),
}
TOLERANCE = 1e-4
LOADING = {
    '.safetensors': "safetensors.torch.load_file('{path}')",
    '.pth': "torch.load('{path}', weights_only=True)",
}


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: file or folder.
        num_tensors: how many weights it holds.
        difference: largest difference of the features of random images, relative to
            the largest feature, or to 1.
        code: Python code that loads it.
    """

    path: Path
    num_tensors: int
    difference: float
    code: str


def export_backbone(
    checkpoint: str | Path,
    out: str | Path,
    to: str = 'timm',
    config: dict[str, Any] | None = None,
) -> Exported:
    """Write a checkpoint's backbone for another library, in float32, and verify it.

    Args:
        checkpoint: a checkpoint of this project's or mmpretrain's; read safely.
        out: file to write; for 'huggingface' a folder.
        to: 'timm', 'torchvision', 'mmpretrain', 'mmdet', 'safetensors', 'huggingface',
            'onnx' or 'torch-export'.
        config: the run's config, for checkpoints that do not hold it.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        FileExistsError: the folder to write exists.
        ImportError: the library is not installed.
        ValueError: the form is unknown, the checkpoint has no backbone, or the library
            has no such network. Nothing is written.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    if to not in FORMS:
        raise ValueError(f'no form {to!r}: choose from {", ".join(FORMS)}.')
    suffixes = SUFFIXES.get(to)
    if suffixes and out.suffix not in suffixes:
        raise ValueError(
            f'{out}: the file for {to} must end in {" or ".join(suffixes)}.'
        )
    if to == 'huggingface' and out.exists():
        raise FileExistsError(f'{out} exists: name a new folder.')
    source = load_source(checkpoint, config)
    generator = torch.Generator().manual_seed(0)
    side = source.image_size
    images = torch.randn(3, source.in_channels, side, side, generator=generator)
    form = FORMS[to](source, images[:1])
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f'.part-{out.name}')
    try:
        form.write(partial)
        difference = _difference(form, partial, source, images)
        os.replace(partial, out)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        partial.unlink(missing_ok=True)
    code = form.code.replace('{load}', LOADING.get(out.suffix, LOADING['.pth']))
    code = code.replace('{path}', str(out))
    return Exported(out, form.num_tensors, difference, code)


@torch.no_grad()
def _difference(
    form: Export, path: Path, source: SourceBackbone, images: Tensor
) -> float:
    """Largest difference of the features that the written file gives.

    Raises:
        ValueError: they do not agree.
    """
    found, wanted = form.read(path)(images), source.features(images)
    difference = torch.inf
    if found.shape == wanted.shape:
        largest = max(1.0, float(wanted.abs().max()))
        difference = float((found - wanted).abs().max()) / largest
    if not difference <= TOLERANCE:
        raise ValueError(
            f'the features of random images differ by {difference:.2g} from those of '
            f'{type(source.module).__name__}: the library computes another network, so '
            'nothing was written; export with --to mmpretrain, safetensors, onnx or '
            'torch-export.'
        )
    return difference
