"""Forms for OpenMMLab's libraries, and the backbone's own keys as safetensors."""

import json
from pathlib import Path

import torch
from torch import Tensor

from cld_mm.fileio.checkpoint_loading import load_safely

from .export_form import Encoder, Export, load, reread, save
from .export_libraries import find_counterpart
from .source_backbone import SourceBackbone, build_backbone


def to_mmpretrain(source: SourceBackbone, image: Tensor) -> Export:
    """A checkpoint whose keys begin with 'backbone.', for any OpenMMLab config."""
    state = {f'backbone.{k}': v for k, v in source.module.state_dict().items()}
    meta = {'backbone': json.dumps(source.config), 'library': 'mmpretrain'}

    def read(path: Path) -> Encoder:
        weights = load_safely(path)['state_dict']
        weights = {k.removeprefix('backbone.'): v for k, v in weights.items()}
        return reread(build_backbone(source.config), weights, source)

    return Export(
        lambda path: torch.save({'state_dict': state, 'meta': meta}, path),
        read,
        "backbone['init_cfg'] = dict(type='Pretrained', checkpoint='{path}', "
        "prefix='backbone.')",
        len(state),
    )


def to_mmdet(source: SourceBackbone, image: Tensor) -> Export:
    """Bare keys of a ResNet, which MMDetection shares with torchvision."""
    try:
        counterpart, model = find_counterpart('torchvision', source, image)
        state = model.state_dict()
        if state.keys() != source.module.state_dict().keys():
            raise ValueError('other keys')
    except ValueError as error:
        raise ValueError(
            "MMDetection's own backbones share torchvision's keys for ResNets only: "
            'export with --to mmpretrain, and name the backbone '
            f"'mmpretrain.{source.config['type']}' in MMDetection's config."
        ) from error

    def read(path: Path) -> Encoder:
        return reread(counterpart.build(), load_safely(path)['state_dict'], source)

    return Export(
        lambda path: torch.save({'state_dict': state, 'meta': {}}, path),
        read,
        "backbone['init_cfg'] = dict(type='Pretrained', checkpoint='{path}')",
        len(state),
    )


def to_safetensors(source: SourceBackbone, image: Tensor) -> Export:
    """The backbone's own keys in a safetensors file, its config in the metadata."""
    state = source.module.state_dict()
    meta = {'format': 'pt', 'backbone': json.dumps(source.config)}
    return Export(
        lambda path: save(state, path, meta),
        lambda path: reread(build_backbone(source.config), load(path), source),
        f'model = mmpretrain.registry.MODELS.build({source.config!r})\n'
        "model.load_state_dict(safetensors.torch.load_file('{path}'))",
        len(state),
    )
