"""Look a config over before anything is built from it."""

import difflib
import inspect
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    TestLoop,
    ValLoop,
    set_random_seed,
)
from torch.utils.data import DataLoader

from .. import registry as registries
from .config_error import ConfigError
from .setting_types import misfit

# mmengine's own keys of a part's dict, which its constructor never sees.
RESERVED = {'type', '_scope_'}
# Settings that a part takes from its neighbours where the config leaves them out.
FILLED_IN = {'CrossLevel': {'in_channels'}}  # of its neck, from the backbone
# Parts that get some of their settings from the runner or the loader.
HANDED_OVER = (
    registries.LOOPS,
    registries.DATA_SAMPLERS,
    registries.OPTIM_WRAPPERS,
    registries.MODEL_WRAPPERS,
)
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
    'model_wrapper_cfg': registries.MODEL_WRAPPERS,
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
    'param_scheduler': registries.PARAM_SCHEDULERS,
}
LOADER_NUMBERS = {'batch_size': 1, 'num_workers': 0}
# torch's, and those of mmengine's beside them.
LOADER_SETTINGS = {*inspect.signature(DataLoader).parameters, 'num_batch_per_epoch'}
LOOPS = {'train_cfg': None, 'val_cfg': ValLoop, 'test_cfg': TestLoop}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def check_config(cfg: Config) -> None:
    """Check names and settings of every part, and that the data are there.

    Raises:
        ConfigError: a part's name or one of its settings is unknown, a setting
            is missing, or the training batch is too small.
        FileNotFoundError: a data folder is missing or empty.
    """
    for key in (
        'model',
        'model_wrapper_cfg',
        'train_dataloader',
        'val_dataloader',
        'test_dataloader',
        'optim_wrapper',
        'param_scheduler',
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
    for name in LOOPS:
        _check_loop(name, cfg.get(name) or {})
    for name in LOADERS:
        _check_loader(name, cfg.get(name) or {})
    for name in ('val_cfg', 'test_cfg'):
        loop = cfg.get(name) or {}
        if 'train_dataloader' in loop:
            _check_loader(f'{name}.train_dataloader', loop['train_dataloader'])
    std = (cfg.model.get('data_preprocessor') or {}).get('std')
    if isinstance(std, (list, tuple)) and 0 in std:
        raise ConfigError(
            f'model.data_preprocessor.std: it is {list(std)}, but images are divided '
            'by it: give numbers above 0.'
        )
    for key, value in (cfg.get('randomness') or {}).items():
        _check_type(f'randomness.{key}', set_random_seed, key, value)
    _check_batch(cfg)


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Raise a FileNotFoundError where a data folder is missing or empty."""
    for name in dataloaders:
        for path, part, _ in _parts(cfg.get(name), name, None):
            root = part.get('data_root')
            is_dataset = 'pipeline' in part or path.endswith('.dataset')
            if isinstance(root, str) and root and is_dataset:
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
    for key, value in part.items():
        if key not in RESERVED:
            _check_type(f'{path}.{key}', found, key, value)
    if not getattr(found, '__module__', '').startswith('cld_mm.'):
        return
    known, required, open_ended = _settings(found)
    for key in part:
        if key not in known and key not in RESERVED and not open_ended:
            raise ConfigError(
                f'{path}.{key}: {name} has no setting {key!r}'
                f'{_meant(key, known)} (it takes {", ".join(sorted(known))}).'
            )
    if kind in HANDED_OVER:
        return
    for key in required:
        if key not in part and key not in filled_in:
            raise ConfigError(
                f'{path}.{key}: {name} needs this setting, and the '
                'config does not have it.'
            )


def _check_type(path: str, found: Any, key: str, value: Any) -> None:
    wanted = misfit(found, key, value)
    if wanted is not None:
        text = ' '.join(repr(value).split())
        shown = text if len(text) <= 60 else f'{text[:57]}...'
        raise ConfigError(f'{path}: it is {shown}, but must be {wanted}.')


def _check_loop(path: str, loop: dict) -> None:
    """A loop without a 'type' is mmengine's own, which names no key in its errors."""
    if not loop or 'type' in loop:
        return
    found: Any = LOOPS[path]
    if path == 'train_cfg':
        if not isinstance(loop.get('by_epoch'), bool):
            raise ConfigError(
                f'{path}.type: it is missing{_meant("type", loop)}; name a loop, such '
                "as 'EpochBasedTrainLoop', or give by_epoch=True."
            )
        found = EpochBasedTrainLoop if loop['by_epoch'] else IterBasedTrainLoop
    known = {*inspect.signature(found).parameters, 'by_epoch'} - {'runner'}
    for key, value in loop.items():
        if key not in known:
            raise ConfigError(
                f"{path}.{key}: {found.__name__}, which a missing 'type' means, has no "
                f'setting {key!r}{_meant(key, known | {"type"})} (it takes '
                f'{", ".join(sorted(known))}).'
            )
        _check_type(f'{path}.{key}', found, key, value)


def _check_loader(path: str, loader: Any) -> None:
    if loader and not (
        isinstance(loader, dict) and isinstance(loader.get('dataset'), dict)
    ):
        raise ConfigError(
            f'{path}.dataset: a dataloader needs the dict of a data set, and this one '
            'has none.'
        )
    for key, value in (loader or {}).items():
        if key in LOADER_NUMBERS:
            least = LOADER_NUMBERS[key]
            if type(value) is not int or value < least:
                raise ConfigError(
                    f'{path}.{key}: it is {value!r}, but must be a whole number of '
                    f'{least} or more.'
                )
        elif key in ('dataset', 'sampler', 'batch_sampler', 'collate_fn'):
            if value is not None and not isinstance(value, dict):
                raise ConfigError(
                    f'{path}.{key}: it is {value!r}, but must be the dict of a part.'
                )
        elif key not in LOADER_SETTINGS:
            raise ConfigError(
                f'{path}.{key}: a dataloader has no setting {key!r}'
                f'{_meant(key, LOADER_SETTINGS)} (it takes '
                f'{", ".join(sorted(LOADER_SETTINGS))}).'
            )
        elif key not in ('worker_init_fn',):
            _check_type(f'{path}.{key}', DataLoader, key, value)


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
