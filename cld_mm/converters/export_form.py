"""What every form of an exported backbone consists of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cld_mm.fileio.checkpoint_loading import load_safely
from cld_mm.models.layers import pooled

from .source_backbone import SourceBackbone

Encoder = Callable[[Tensor], Tensor]


@dataclass
class Export:
    """A backbone in one form.

    Attributes:
        write: writes the file or folder.
        read: loads it as its users will, strictly; gives images to features.
        code: Python code that loads it, with ``{path}`` or ``{load}``.
        num_tensors: how many weights are written.
    """

    write: Callable[[Path], object]
    read: Callable[[Path], Encoder]
    code: str
    num_tensors: int


def reread(model: Any, weights: dict[str, Tensor], source: SourceBackbone) -> Encoder:
    """A freshly built model with these weights, loaded strictly."""
    model.load_state_dict(weights)
    model.eval()
    return encoder(model, source)


def encoder(model: Any, source: SourceBackbone) -> Encoder:
    """A model that gives pooled features."""
    if hasattr(source.module, 'timm_model') and hasattr(model, 'reset_classifier'):
        model.reset_classifier(0, '')  # as TIMMBackbone does
    return lambda images: pooled(model(images))


def save(
    state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write a state dict, as the suffix says."""
    if '.safetensors' in path.suffixes or metadata:
        import safetensors.torch

        tensors = {name: value.contiguous() for name, value in state.items()}
        path.write_bytes(safetensors.torch.save(tensors, metadata))
    else:
        torch.save(state, path)


def load(path: Path) -> dict[str, Tensor]:
    """Read a state dict that :func:`save` wrote."""
    if '.safetensors' in path.suffixes:
        from safetensors.torch import load_file

        return load_file(path)
    return load_safely(path)
