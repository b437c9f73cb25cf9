"""Check a config's dataloaders, and that their datasets have a pipeline."""

import os
from collections.abc import Mapping
from typing import Any

from mmengine.dataset import BaseDataset
from torch.utils.data import DataLoader

from .check_parts import check_settings
from .error import ConfigError, misspelling, shorten

LEAST = {'batch_size': 1, 'num_workers': 0}
# More processes only cost start-up time.
MOST_WORKERS = max(256, 2 * (os.cpu_count() or 1))
PARTS = ('dataset', 'sampler', 'batch_sampler', 'collate_fn')


def check_dataloader(path: str, loader: Any) -> None:
    """Check a dataloader's settings.

    Raises:
        ConfigError: the message names the setting.
    """
    if not isinstance(loader, Mapping):
        raise ConfigError(f'{path} must be a dict, got {shorten(loader)}.')
    if not isinstance(loader.get('dataset'), Mapping):
        raise ConfigError(
            f'{path}.dataset must be the dict of a dataset, got '
            f'{shorten(loader.get("dataset"))}{misspelling("dataset", loader)}.'
        )
    for key, least in LEAST.items():
        value = loader.get(key, least)
        if type(value) is not int or value < least:
            raise ConfigError(
                f'{path}.{key} must be an integer >= {least}, got {shorten(value)}.'
            )
    if loader.get('num_workers', 0) > MOST_WORKERS:
        raise ConfigError(
            f'{path}.num_workers must be at most {MOST_WORKERS} on '
            f'{os.cpu_count()} cores, got {loader["num_workers"]}: set about the '
            'number of cores per rank.'
        )
    if 'collate_fn' in loader and loader['collate_fn'] is None:
        raise ConfigError(f'{path}.collate_fn must be the dict of a part, got None.')
    own = {key: value for key, value in loader.items() if key not in PARTS}
    own.pop('worker_init_fn', None)  # a dict in configs, a function in torch
    # mmengine has one setting beside torch's.
    check_settings(path, own, DataLoader, (*PARTS, 'num_batch_per_epoch'))


def check_pipeline(path: str, dataset: Mapping, found: Any) -> bool:
    """Check that images reach the model loaded and packed.

    Args:
        path: of the dataset.
        dataset: its dict; no dataset around it has a pipeline.
        found: its class. One that prepares samples by a method of its own needs no
            pipeline; where ``needs_pipeline`` is False the datasets in it need none.

    Returns:
        Whether the datasets in it need no pipeline.

    Raises:
        ConfigError: the dataset needs a pipeline and has none.
    """
    if dataset.get('pipeline') or not getattr(found, 'needs_pipeline', True):
        return True
    if getattr(found, 'prepare_data', None) is BaseDataset.prepare_data:
        state = 'empty' if 'pipeline' in dataset else 'missing'
        others = set(dataset) - {'pipeline'}
        raise ConfigError(
            f'{path}.pipeline is {state}{misspelling("pipeline", others)}: give the '
            'list of transforms that load and pack an image, as configs/ do.'
        )
    return False
