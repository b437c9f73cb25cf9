"""Look a config over before anything is built from it."""

import difflib
import inspect
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from .. import registry as registries

# mmengine's own keys of a part's dict, which its constructor never sees.
RESERVED = {'type', '_scope_'}
# Settings that a part takes from its neighbours where the config leaves them out.
FILLED_IN = {'CrossLevel': {'in_channels'}}  # of its neck, from the backbone
# Data folders that tools/dataset_converters/prepare.py knows.
PREPARED = {
    'fashion-mnist': 'fashion-mnist',
    'CIFAR-10': 'cifar10',
    'CIFAR-100': 'cifar100',
    'STL-10': 'stl10',
    'ImageNet': 'imagenet',
    'Kitchen-HC': 'kitchen-hc',
}
# Where names can only be those of one kind of part.
KINDS = {
    'model': registries.MODELS,
    'backbone': registries.MODELS,
    'neck': registries.MODELS,
    'head': registries.MODELS,
    'cld': registries.MODELS,
    'grouping': registries.MODELS,
    'loss': registries.MODELS,
    'dataset': registries.DATASETS,
    'sampler': registries.DATA_SAMPLERS,
    'optim_wrapper': registries.OPTIM_WRAPPERS,
    'optimizer': registries.OPTIMIZERS,
    'custom_hooks': registries.HOOKS,
    'default_hooks': registries.HOOKS,
    'train_cfg': registries.LOOPS,
    'val_cfg': registries.LOOPS,
    'test_cfg': registries.LOOPS,
    'val_evaluator': registries.METRICS,
    'test_evaluator': registries.METRICS,
    'pipeline': registries.TRANSFORMS,
    'transforms': registries.TRANSFORMS,
}


class ConfigError(ValueError):
    """A config that cannot be meant; the message names the key and the cure."""


def check_config(cfg: Config) -> None:
    """Check names and settings of every part, and that the data are there.

    Raises:
        ConfigError: a part's name or one of its settings is unknown, a setting
            is missing, or the training batch is too small.
        FileNotFoundError: a data folder is missing or empty.
    """
    for key in (
        'model',
        'train_dataloader',
        'val_dataloader',
        'test_dataloader',
        'optim_wrapper',
        'train_cfg',
        'val_cfg',
        'test_cfg',
        'val_evaluator',
        'test_evaluator',
        'custom_hooks',
        'default_hooks',
        'visualizer',
    ):
        for path, part, kind in _parts(cfg.get(key), key, KINDS.get(key)):
            filled_in = (
                FILLED_IN.get(cfg.model.type, set()) if path == 'model.neck' else ()
            )
            _check_part(path, part, kind, filled_in)
    _check_batch(cfg)


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Raise a FileNotFoundError where a data folder is missing or empty."""
    for name in dataloaders:
        for path, part, _ in _parts(cfg.get(name), name, None):
            root = part.get('data_root')
            if isinstance(root, str) and root and 'pipeline' in part:
                _check_folder(path, root)


def _check_folder(path: str, root: str) -> None:
    folder = Path(root).expanduser().absolute()
    if folder.is_dir() and any(folder.iterdir()):
        return
    state = 'is empty' if folder.is_dir() else 'does not exist'
    name = PREPARED.get(folder.name)
    cure = (
        f'run "python tools/dataset_converters/prepare.py {name}"'
        if name
        else 'put the images there as README.md describes'
    )
    raise FileNotFoundError(
        f'{path}.data_root: the data folder {folder} {state}: '
        f'{cure}, or set {path}.data_root to where they are.'
    )


def _parts(
    node: Any, path: str, kind: Registry | None
) -> Iterator[tuple[str, dict, Registry | None]]:
    """Every dict with a 'type', with its path and the registry it belongs to."""
    if isinstance(node, dict):
        if 'type' in node:
            yield path, node, kind
        for key, value in node.items():
            inner = KINDS.get(key, kind if key in ('scheduler',) else None)
            if path in ('custom_hooks', 'default_hooks'):
                inner = kind
            yield from _parts(value, f'{path}.{key}', inner)
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            yield from _parts(value, f'{path}[{place}]', kind)


def _check_part(
    path: str, part: dict, kind: Registry | None, filled_in: Collection[str]
) -> None:
    name = part['type']
    found = _find(name, kind) if isinstance(name, str) else name
    if found is None:
        if kind is not None:
            raise ConfigError(
                f'{path}.type: no part is named {name!r}'
                f'{_meant(str(name), _names(kind))}'
            )
        return
    if not getattr(found, '__module__', '').startswith('cld_mm.'):
        return
    known, required, open_ended = _settings(found)
    for key in part:
        if key not in known and key not in RESERVED and not open_ended:
            raise ConfigError(
                f'{path}.{key}: {name} has no setting {key!r}'
                f'{_meant(key, known)} (it takes {", ".join(sorted(known))}).'
            )
    # The runner and the loader hand some settings over themselves.
    if kind in (registries.LOOPS, registries.DATA_SAMPLERS, registries.OPTIM_WRAPPERS):
        return
    for key in required:
        if key not in part and key not in filled_in:
            raise ConfigError(
                f'{path}.{key}: {name} needs this setting, and the '
                'config does not have it.'
            )


def _find(name: str, kind: Registry | None) -> Any:
    kinds = (
        [kind]
        if kind is not None
        else [
            value for value in vars(registries).values() if isinstance(value, Registry)
        ]
    )
    for registry in kinds:
        found = registry.get(name)
        if found is not None:
            return found
    return None


def _names(kind: Registry) -> list[str]:
    names: list[str] = []
    registry: Registry | None = kind
    while registry is not None:
        names.extend(registry.module_dict)
        registry = registry.parent
    return names


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ''


def _settings(part: Any) -> tuple[set[str], list[str], bool]:
    """Names a constructor takes, those it must get, and whether it takes any.

    Where a class hands ``**kwargs`` on, its base's names count as its own; what the
    base must get it may fill in itself.
    """
    known: set[str] = set()
    required: list[str] = []
    inherited = False
    for owner in inspect.getmro(part) if inspect.isclass(part) else (part,):
        function = vars(owner).get('__init__') if inspect.isclass(owner) else owner
        if function is None:
            continue
        open_ended = False
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                open_ended = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                if parameter.name == 'self':
                    continue
                known.add(parameter.name)
                if parameter.default is parameter.empty and not inherited:
                    required.append(parameter.name)
        if not open_ended:
            return known, required, False
        inherited = True
    return known, required, True


def _check_batch(cfg: Config) -> None:
    loader = cfg.get('train_dataloader') or {}
    size = loader.get('batch_size')
    if size is None:
        return
    is_pretraining = 'SelfSup' in str(cfg.model.get('data_preprocessor', '')) or (
        getattr(_find(cfg.model.type, registries.MODELS), '__module__', '').startswith(
            'cld_mm.'
        )
    )
    smallest = 2 if is_pretraining else 1
    if not isinstance(size, int) or size < smallest:
        raise ConfigError(
            f'train_dataloader.batch_size: it is {size}, but at least '
            f'{smallest} images a rank are needed: discriminating '
            'instances compares them with each other.'
        )
