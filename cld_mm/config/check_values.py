"""Check a whole config before anything is built from it."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import LogProcessor, set_random_seed
from mmengine.utils.dl_utils import set_multi_processing
from mmpretrain.models.selfsup.base import BaseSelfSupervisor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from cld_mm import registry as registries
from cld_mm.distributed.rank_watchdog import RankWatchdog
from cld_mm.models.algorithms.base import FollowsOptimizer

from .check_dataloaders import check_dataloader, check_pipeline
from .check_parts import check_part, check_settings, find_part
from .error import ConfigError, misspelling, suggestion
from .tree import Node, walk, walk_value

# Data folders that tools/dataset_converters/prepare.py knows.
PREPARED = {
    'fashion-mnist': 'fashion-mnist',
    'CIFAR-10': 'cifar10',
    'CIFAR-100': 'cifar100',
    'STL-10': 'stl10',
    'ImageNet': 'imagenet',
    'Kitchen-HC': 'kitchen-hc',
}
# Dicts without a 'type' that are passed to a function, and what takes them.
ARGUMENTS: dict[str, Callable] = {
    'randomness': set_random_seed,
    'log_processor': LogProcessor,
    'env_cfg.mp_cfg': set_multi_processing,
    'env_cfg.watchdog_cfg': RankWatchdog,
}
# The same, where mmengine reads these keys by name and ignores others.
KEYS = {
    'env_cfg': 'cudnn_benchmark mp_cfg dist_cfg resource_limit watchdog_cfg',
    'auto_scale_lr': 'enable base_batch_size',
    'optim_wrapper.paramwise_cfg': 'custom_keys bias_lr_mult bias_decay_mult '
    'norm_decay_mult dwconv_decay_mult flat_decay_mult bypass_duplicate '
    'dcn_offset_lr_mult',
}
PRETRAINING = (BaseSelfSupervisor, FollowsOptimizer)
COUNTS = ('max_epochs', 'max_iters', 'val_interval')


def check_config(cfg: Config) -> None:
    """Check names and settings of every part, dataloaders and the training batch.

    Raises:
        ConfigError: a part's name or one of its settings is unknown, a setting is
            missing or has an invalid value, or the training batch is too small.
    """
    classes: dict[str, Any] = {}  # of the parts, by path
    has_pipeline: tuple[str, ...] = ()
    for node in walk(cfg):
        path, key, value, registry = node
        if not isinstance(value, Mapping):
            continue
        if 'type' in value or registry is not None:
            classes[path] = check_part(node, classes.get(path.rpartition('.')[0]))
        elif path in ARGUMENTS:
            check_settings(path, value, ARGUMENTS[path])
        elif path in KEYS and 'constructor' not in cfg.get('optim_wrapper', {}):
            _check_keys(path, value, KEYS[path].split())
        if key.endswith('dataloader'):
            check_dataloader(path, value)
        if registry is registries.DATASETS and (
            path.startswith(has_pipeline) or check_pipeline(path, value, classes[path])
        ):
            has_pipeline += (f'{path}.',)
        if registry is registries.LOOPS:
            _check_counts(node)
    _check_std(cfg.model.get('data_preprocessor') or {})
    _check_optimizer(cfg.get('optim_wrapper') or {})
    _check_batch(cfg)


def check_data(cfg: Config, *sections: str) -> None:
    """Raise a FileNotFoundError where a data folder is missing or empty."""
    for name in sections:
        for path, _, part, registry in walk_value(cfg.get(name), name):
            if registry is registries.DATASETS and isinstance(part, Mapping):
                root = part.get('data_root')
                if isinstance(root, str) and root and '://' not in root:
                    _check_folder(path, root)


def _check_folder(path: str, root: str) -> None:
    folder = Path(root).expanduser().absolute()
    if folder.is_dir() and any(folder.iterdir()):
        return
    state = 'is empty' if folder.is_dir() else 'does not exist'
    name = PREPARED.get(folder.name)
    advice = (
        f'run "python tools/dataset_converters/prepare.py {name}"'
        if name
        else 'put the images there as README.md describes'
    )
    raise FileNotFoundError(
        f'{path}.data_root: the data folder {folder} {state}: {advice}, or set '
        f'{path}.data_root to the folder of the images.'
    )


def _check_keys(path: str, given: Mapping, known: list[str]) -> None:
    for key in given:
        if key not in known:
            raise ConfigError(
                f'{path}.{key} is unknown{suggestion(key, known)} (known are '
                f'{", ".join(known)}).'
            )


def _check_counts(loop: Node) -> None:
    for key in COUNTS:
        value = loop.value.get(key, 1)
        if isinstance(value, int) and value < 1:
            raise ConfigError(f'{loop.path}.{key} must be >= 1, got {value}.')


def _check_std(preprocessor: Mapping) -> None:
    std = preprocessor.get('std')
    if isinstance(std, (list, tuple)) and 0 in std:
        raise ConfigError(
            f'model.data_preprocessor.std must not contain 0, got {list(std)}: images '
            'are divided by it.'
        )


def _check_optimizer(wrapper: Mapping) -> None:
    """What mmengine's constructor of optimizers reads late or never."""
    if not wrapper or 'constructor' in wrapper:
        return
    optimizer = wrapper.get('optimizer')
    if not isinstance(optimizer, Mapping):
        raise ConfigError(
            f'optim_wrapper.optimizer is missing{misspelling("optimizer", wrapper)}; '
            "give the dict of an optimizer, such as dict(type='SGD', lr=0.03)."
        )
    for key, value in optimizer.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(
                f'optim_wrapper.optimizer.{key} must be a finite number, got {value}.'
            )
    clip_grad = wrapper.get('clip_grad')
    if isinstance(clip_grad, Mapping):
        rest = {key: value for key, value in clip_grad.items() if key != 'type'}
        by_value = clip_grad.get('type') == 'value'
        clip = clip_grad_value_ if by_value else clip_grad_norm_
        check_settings('optim_wrapper.clip_grad', rest, clip, ('type',))
    paramwise = wrapper.get('paramwise_cfg') or {}
    for name, settings in (paramwise.get('custom_keys') or {}).items():
        path = f'optim_wrapper.paramwise_cfg.custom_keys.{name}'
        if not isinstance(settings, Mapping):
            raise ConfigError(
                f'{path} must be a dict, such as dict(lr_mult=0.1), got {settings!r}.'
            )
        for key in ('lr_mult', 'decay_mult'):
            value = settings.get(key, 1)
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise ConfigError(f'{path}.{key} must be a number, got {value!r}.')
        if 'lr_mult' in settings and optimizer.get('lr') is None:
            raise ConfigError(
                'optim_wrapper.optimizer.lr is missing, but '
                f'{path}.lr_mult multiplies it: give the learning rate.'
            )


def _check_batch(cfg: Config) -> None:
    """Discriminating instances needs two of them."""
    loader = cfg.get('train_dataloader') or {}
    if not loader or 'batch_sampler' in loader:
        return
    model = find_part(str(cfg.model.type), registries.MODELS)
    is_pretraining = isinstance(model, type) and issubclass(model, PRETRAINING)
    size = loader.get('batch_size', 1)  # torch's default
    if is_pretraining and size < 2:
        default = '' if 'batch_size' in loader else ', the default'
        raise ConfigError(
            f'train_dataloader.batch_size must be >= 2 images per rank, got {size}'
            f'{default}: pre-training compares the images of a batch.'
        )
