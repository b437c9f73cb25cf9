"""Look a config's dataloaders over."""

import inspect
import os
from types import NoneType
from typing import Any

from mmengine.dataset import BaseDataset
from torch.utils.data import DataLoader

from cld_mm.registry import DATASETS

from .check_parts import check_type, find, meant, misspelt
from .error import ConfigError

LOADER_NUMBERS = {'batch_size': 1, 'num_workers': 0}
# Beyond that a machine does nothing but start processes.
MOST_WORKERS = max(256, 2 * (os.cpu_count() or 1))
OWN_VIEWS = {'InMemoryViews'}  # data sets that need no pipeline
# torch's, and those of mmengine's beside them.
LOADER_SETTINGS = {*inspect.signature(DataLoader).parameters, 'num_batch_per_epoch'}


def check_loader(path: str, loader: Any) -> None:
    """Check a dataloader's settings, and that its data set has a pipeline.

    Raises:
        ConfigError: the sentence names the setting.
    """
    if not loader:
        return
    if not isinstance(loader, dict):
        raise ConfigError(f'{path}: it is {loader!r}, but must be a dict.')
    if not isinstance(loader.get('dataset'), dict):
        raise ConfigError(
            f'{path}.dataset: a dataloader needs the dict of a data set, and this one '
            f'has none{misspelt("dataset", loader)}.'
        )
    for key, value in loader.items():
        if key in LOADER_NUMBERS:
            least = LOADER_NUMBERS[key]
            if type(value) is not int or value < least:
                raise ConfigError(
                    f'{path}.{key}: it is {value!r}, but must be a whole number of '
                    f'{least} or more.'
                )
            if key == 'num_workers' and value > MOST_WORKERS:
                raise ConfigError(
                    f'{path}.{key}: {value} processes a rank are more than '
                    f'{MOST_WORKERS}, the most on {os.cpu_count()} cores: set about '
                    'as many as a rank has cores.'
                )
        elif key in ('dataset', 'sampler', 'batch_sampler', 'collate_fn'):
            missing = value is None and key == 'collate_fn'
            if missing or not isinstance(value, (dict, NoneType)):
                raise ConfigError(
                    f'{path}.{key}: it is {value!r}, but must be the dict of a part.'
                )
            if isinstance(value, dict) and 'type' not in value:
                raise ConfigError(
                    f'{path}.{key}.type: it is missing{misspelt("type", value)}, and '
                    f'says which part {path}.{key} is.'
                )
        elif key not in LOADER_SETTINGS:
            raise ConfigError(
                f'{path}.{key}: a dataloader has no setting {key!r}'
                f'{meant(key, LOADER_SETTINGS)} (it takes '
                f'{", ".join(sorted(LOADER_SETTINGS))}).'
            )
        elif key not in ('worker_init_fn',):
            check_type(f'{path}.{key}', DataLoader, key, value)
    _check_pipeline(f'{path}.dataset', loader['dataset'])


def _check_pipeline(path: str, dataset: dict) -> None:
    """Without a pipeline the model would get what the data set's lists hold."""
    pipeline, name = dataset.get('pipeline'), dataset.get('type')
    if name in OWN_VIEWS or pipeline:
        return
    found = find(name, DATASETS) if isinstance(name, str) else name
    if getattr(found, 'prepare_data', None) is BaseDataset.prepare_data:
        state = 'empty' if 'pipeline' in dataset else 'missing'
        others = set(dataset) - {'pipeline'}
        raise ConfigError(
            f'{path}.pipeline: it is {state}{misspelt("pipeline", others)}, but no '
            'image reaches the model without transforms that load and pack it: give a '
            'list of them, as the recipes in configs/ have.'
        )
    inner = dataset.get('datasets') or [dataset.get('dataset')]
    for place, other in enumerate(inner):
        if isinstance(other, dict):
            many = f'datasets[{place}]' if 'datasets' in dataset else 'dataset'
            _check_pipeline(f'{path}.{many}', other)
