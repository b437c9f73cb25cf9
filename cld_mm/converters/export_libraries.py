"""Forms for timm, torchvision and Hugging Face."""

import json
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from .counterparts import Counterpart
from .export_form import Encoder, Export, encoder, load, reread, save
from .same_layers import copy_weights
from .saved_config import view_size
from .source_backbone import SourceBackbone
from .timm_models import timm_counterpart
from .torchvision_models import torchvision_counterpart


def to_library(library: str, source: SourceBackbone, image: Tensor) -> Export:
    """Weights with the keys of timm or torchvision."""
    counterpart, model = find_counterpart(library, source, image)
    state = model.state_dict()
    return Export(
        lambda path: save(state, path),
        lambda path: reread(counterpart.build(), load(path), source),
        counterpart.code() + '\nmodel.load_state_dict({load})',
        len(state),
    )


def to_huggingface(source: SourceBackbone, image: Tensor) -> Export:
    """A folder with config.json and model.safetensors, for timm and transformers."""
    counterpart, model = find_counterpart('timm', source, image)
    if counterpart.settings.pop('features_only', False):
        raise ValueError(
            f"timm's {counterpart.name} has a layer after the pooling that the "
            'backbone lacks: export with --to timm.'
        )
    settings = {k: v for k, v in counterpart.settings.items() if k != 'num_classes'}
    side = view_size(source.run_config) or image.shape[-1]
    size = [image.shape[1], side, side]
    config = {
        'architecture': counterpart.name,
        'num_classes': 0,
        'model_args': settings,
        'pretrained_cfg': {
            'input_size': size,
            'mean': [round(value / 255, 6) for value in source.mean] or [0.0, 0.0, 0.0],
            'std': [round(value / 255, 6) for value in source.std] or [1.0, 1.0, 1.0],
            'num_classes': 0,
            'fixed_input_size': 'img_size' in settings or hasattr(model, 'pos_embed'),
            'test_input_size': size,
        },
    }

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        save(model.state_dict(), folder / 'model.safetensors', {'format': 'pt'})
        text = json.dumps({**config, 'num_features': model.num_features}, indent=2)
        (folder / 'config.json').write_text(text + '\n')

    def read(folder: Path) -> Encoder:
        import timm

        loaded = timm.create_model(f'local-dir:{folder}', pretrained=True).eval()
        return encoder(loaded, source)

    return Export(
        write,
        read,
        "model = timm.create_model('local-dir:{path}', pretrained=True)\n"
        "model = transformers.AutoModel.from_pretrained('{path}')  # the same",
        len(model.state_dict()),
    )


def find_counterpart(
    library: str, source: SourceBackbone, image: Tensor
) -> tuple[Counterpart, nn.Module]:
    """The other library's model with the backbone's weights.

    Raises:
        ImportError: the library is not installed.
        ValueError: it has no such model.
    """
    if not find_spec(library):
        raise ImportError(f'--to {library} needs {library}: pip install {library}.')
    find = {'timm': timm_counterpart, 'torchvision': torchvision_counterpart}[library]
    counterpart = find(source.module, source.config)
    kind = type(source.module).__name__
    kept = '--to mmpretrain, safetensors, onnx or torch-export'
    if counterpart is None:
        raise ValueError(f'{library} has no model like {kind}: export with {kept}.')
    try:
        model = counterpart.build()
        if hasattr(source.module, 'timm_model'):
            model.load_state_dict(source.module.timm_model.state_dict())
        else:
            copy_weights(source.module, model, image[:1])
    except (ValueError, RuntimeError, AssertionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise ValueError(
            f"{library}'s {counterpart.name} is not the same network as this {kind} "
            f'({reason}): export with {kept}.'
        ) from error
    return counterpart, model
