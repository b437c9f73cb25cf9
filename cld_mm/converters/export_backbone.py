"""The trained backbone alone, for other libraries.

ResNets of mmpretrain, torchvision and timm share their keys (conv1, bn1,
layer1.0.conv1, ...), so their exports differ in the prefix alone.
"""

from pathlib import Path

import torch
from torch import Tensor

from cld_mm.fileio.checkpoint_loading import load_safely

# mmpretrain's and MMDetection's Pretrained take a prefix; the others want bare keys.
PREFIXES = {
    'mmpretrain': 'backbone.',
    'mmdet': '',
    'torchvision': '',
    'timm': '',
}


def export_backbone(source: Path, target: Path, library: str) -> int:
    """Write the backbone's weights of a checkpoint, in float32.

    Args:
        source: a checkpoint of this project's or mmpretrain's; read safely.
        target: file to write.
        library: 'mmpretrain', 'mmdet', 'torchvision' or 'timm'.

    Returns:
        How many tensors were written.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the library is unknown, or the checkpoint has no backbone.
    """
    if library not in PREFIXES:
        raise ValueError(
            f'library is {library!r}, but it must be one of {", ".join(PREFIXES)}.'
        )
    loaded = load_safely(source)
    weights = backbone_weights(loaded.get('state_dict', loaded))
    if not weights:
        raise ValueError(
            f'{source} has no key that begins with "backbone.": name a checkpoint of a '
            'training run.'
        )
    prefix = PREFIXES[library]
    weights = {prefix + name: value for name, value in weights.items()}
    meta = {'exported_from': source.name, 'library': library}
    whole = library.startswith('mm')
    torch.save({'state_dict': weights, 'meta': meta} if whole else weights, target)
    return len(weights)


def backbone_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys of the trained backbone without prefix; CrossLevel's lies one deeper."""
    for prefix in ('backbone.', 'algorithm.backbone.'):
        found = {
            name[len(prefix) :]: value.float() if value.is_floating_point() else value
            for name, value in state.items()
            if name.startswith(prefix)
        }
        if found:
            return found
    return {}
