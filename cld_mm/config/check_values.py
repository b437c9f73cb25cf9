"""Look a config over before anything is built from it."""

import inspect
import math
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    TestLoop,
    ValLoop,
    set_random_seed,
)

from cld_mm import registry as registries

from .check_dataloaders import check_loader
from .check_parts import (
    FILLED_IN,
    KINDS,
    check_part,
    check_type,
    find,
    meant,
    misspelt,
    parts,
)
from .error import ConfigError

# Data folders that tools/dataset_converters/prepare.py knows.
PREPARED = {
    'fashion-mnist': 'fashion-mnist',
    'CIFAR-10': 'cifar10',
    'CIFAR-100': 'cifar100',
    'STL-10': 'stl10',
    'CheckedImageNet': 'imagenet',
    'Kitchen-HC': 'kitchen-hc',
}
LOOPS = {'train_cfg': None, 'val_cfg': ValLoop, 'test_cfg': TestLoop}
COUNTS = ('max_epochs', 'max_iters', 'val_interval')
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
        for path, part, kind in parts(cfg.get(key), key, KINDS.get(key)):
            filled_in = (
                FILLED_IN.get(cfg.model.type, set()) if path == 'model.neck' else ()
            )
            check_part(path, part, kind, filled_in)
    for name in LOOPS:
        _check_loop(name, cfg.get(name) or {})
    for name in LOADERS:
        check_loader(name, cfg.get(name) or {})
    for name in ('val_cfg', 'test_cfg'):
        loop = cfg.get(name) or {}
        if 'train_dataloader' in loop:
            check_loader(f'{name}.train_dataloader', loop['train_dataloader'])
    std = (cfg.model.get('data_preprocessor') or {}).get('std')
    if isinstance(std, (list, tuple)) and 0 in std:
        raise ConfigError(
            f'model.data_preprocessor.std: it is {list(std)}, but images are divided '
            'by it: give numbers above 0.'
        )
    known = set(inspect.signature(set_random_seed).parameters)
    for key, value in (cfg.get('randomness') or {}).items():
        if key not in known:
            raise ConfigError(
                f'randomness.{key}: there is no setting {key!r}{meant(key, known)} '
                f'(randomness takes {", ".join(sorted(known))}).'
            )
        check_type(f'randomness.{key}', set_random_seed, key, value)
    _check_optim(cfg.get('optim_wrapper') or {})
    _check_batch(cfg)


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Raise a FileNotFoundError where a data folder is missing or empty."""
    for name in dataloaders:
        for path, part, _ in parts(cfg.get(name), name, None):
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


def _check_loop(path: str, loop: dict) -> None:
    """A loop without a 'type' is mmengine's own, which names no key in its errors."""
    for key in COUNTS:
        value = loop.get(key, 1)
        if isinstance(value, int) and value < 1:
            raise ConfigError(f'{path}.{key}: it is {value}, but must be 1 or more.')
    if not loop or 'type' in loop:
        return
    found: Any = LOOPS[path]
    if path == 'train_cfg':
        if not isinstance(loop.get('by_epoch'), bool):
            raise ConfigError(
                f'{path}.type: it is missing{misspelt("type", loop)}; name a loop, '
                "such as 'ResumableEpochLoop', or give by_epoch=True."
            )
        found = EpochBasedTrainLoop if loop['by_epoch'] else IterBasedTrainLoop
    known = {*inspect.signature(found).parameters, 'by_epoch'} - {'runner'}
    for key, value in loop.items():
        if key not in known:
            raise ConfigError(
                f"{path}.{key}: {found.__name__}, which a missing 'type' means, has no "
                f'setting {key!r}{meant(key, known | {"type"})} (it takes '
                f'{", ".join(sorted(known))}).'
            )
        check_type(f'{path}.{key}', found, key, value)


def _check_optim(wrapper: dict) -> None:
    """Optimiser and learning rates of parts, which mmengine looks at late."""
    if 'type' in wrapper and wrapper.get('optimizer') is None:
        raise ConfigError(
            f'optim_wrapper.optimizer: it is missing{misspelt("optimizer", wrapper)}; '
            "give the dict of an optimiser, such as dict(type='SGD', lr=0.03)."
        )
    optimizer = wrapper.get('optimizer')
    for key, value in optimizer.items() if isinstance(optimizer, dict) else ():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(
                f'optim_wrapper.optimizer.{key}: it is {value}, but must be a finite '
                'number: the first step would spoil every weight.'
            )
    paramwise = wrapper.get('paramwise_cfg') or {}
    for name, settings in (paramwise.get('custom_keys') or {}).items():
        path = f'optim_wrapper.paramwise_cfg.custom_keys.{name}'
        if not isinstance(settings, dict):
            raise ConfigError(
                f'{path}: it is {settings!r}, but must be a dict, such as '
                'dict(lr_mult=0.1).'
            )
        for key in ('lr_mult', 'decay_mult'):
            value = settings.get(key, 1)
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise ConfigError(
                    f'{path}.{key}: it is {value!r}, but must be a number.'
                )
        if 'lr_mult' in settings and optimizer and optimizer.get('lr') is None:
            raise ConfigError(
                f'optim_wrapper.optimizer.lr: it is missing, but {path}.lr_mult '
                'multiplies it: give the learning rate.'
            )


def _check_batch(cfg: Config) -> None:
    loader = cfg.get('train_dataloader') or {}
    if not loader or 'batch_sampler' in loader:
        return
    size = loader.get('batch_size', 1)  # torch's default
    is_pretraining = 'SelfSup' in str(cfg.model.get('data_preprocessor', '')) or (
        getattr(find(cfg.model.type, registries.MODELS), '__module__', '').startswith(
            'cld_mm.'
        )
    )
    smallest = 2 if is_pretraining else 1
    if not isinstance(size, int) or size < smallest:
        default = '' if 'batch_size' in loader else ' by default'
        raise ConfigError(
            f'train_dataloader.batch_size: it is {size}{default}, but at least '
            f'{smallest} images a rank are needed: discriminating '
            'instances compares them with each other.'
        )
