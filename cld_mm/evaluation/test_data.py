"""Which images a config is evaluated on, and in which transform.

A config for unlabeled images has no test data. Its training images are used instead, in
a test transform that is derived from the training pipeline.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.config import Config

from cld_mm.datasets.pipelines import with_pipeline


def test_transform(cfg: Config) -> list[dict[str, Any]]:
    """The pipeline of ``test_dataloader``, or one derived from the training pipeline.

    Derived: the steps before the views, a resize and center crop to the size of the
    first view (resized to 256/224 of it, as is usual), and PackInputs. Datasets in
    memory are neither resized nor cropped.

    Raises:
        ValueError: the config has neither.
    """
    if cfg.get('test_dataloader') is not None:
        return list(_leaf(cfg.test_dataloader.dataset).get('pipeline') or [])
    if cfg.get('train_dataloader') is None:
        raise ValueError(
            'the config has neither test_dataloader nor train_dataloader: give one '
            'whose images can be shown.'
        )
    steps = _leaf(cfg.train_dataloader.dataset).get('pipeline') or []
    before = []
    for step in steps:
        if 'MultiView' in step['type'] or 'Pack' in step['type']:
            break
        before.append(dict(step))
    for step in before:  # scaled decoding is meant for crops
        step.pop('smallest_crop', None)
    size = next(_sizes(steps), None)
    if size is not None and any('Load' in step['type'] for step in before):
        edge = round(size * 256 / 224)
        before += [
            {'type': 'ResizeEdge', 'scale': edge, 'edge': 'short', 'backend': 'pillow'},
            {'type': 'CenterCrop', 'crop_size': size},
        ]
    return [*before, {'type': 'PackInputs'}]


def test_dataset(cfg: Config) -> dict[str, Any]:
    """Config of the test images, or of the training images in the test transform.

    Raises:
        ValueError: the config has neither.
    """
    if cfg.get('test_dataloader') is not None:
        return cfg.test_dataloader.dataset
    return with_pipeline(
        _once_as_images(cfg.train_dataloader.dataset), test_transform(cfg)
    )


def label_of(info: dict[str, Any]) -> int:
    """The label in a dataset's record of an image; -1 for none or for several."""
    label = np.asarray(info.get('gt_label', -1))
    return int(label) if label.size == 1 else -1


def _leaf(dataset: dict[str, Any]) -> dict[str, Any]:
    """The innermost dataset of wrappers; the first one of a concatenation."""
    while 'dataset' in dataset or dataset.get('datasets'):
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset


def _once_as_images(dataset: Any) -> dict[str, Any]:
    """The dataset without views and repetitions."""
    found = {**dataset}
    if 'datasets' in found:
        return {
            **found,
            'datasets': [_once_as_images(one) for one in found['datasets']],
        }
    if 'dataset' in found:
        inner = _once_as_images(found['dataset'])
        if any(
            word in found['type'] for word in ('InMemoryViews', 'Repeat', 'Balanced')
        ):
            return inner
        return {**found, 'dataset': inner}
    return found


def _sizes(steps: Any) -> Iterator[int]:
    """Sizes of views named anywhere in a pipeline, in order."""
    if isinstance(steps, dict):
        if 'Crop' in str(steps.get('type')) or steps.get('type') == 'RandomView':
            for key in ('size', 'scale', 'crop_size'):
                size = steps.get(key)
                size = size[0] if isinstance(size, (list, tuple)) and size else size
                if isinstance(size, int):
                    yield size
                    break
        steps = list(steps.values())
    if isinstance(steps, (list, tuple)):
        for step in steps:
            yield from _sizes(step)
