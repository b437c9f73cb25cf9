"""The config of a dataset, wrapped or not, with other transforms."""

from inspect import signature
from typing import Any

from mmengine.dataset import BaseDataset

from cld_mm.registry import DATASETS


def with_pipeline(dataset: dict[str, Any], pipeline: list) -> dict[str, Any]:
    """Replace the dataset's own pipeline, or that of the datasets which it wraps.

    Args:
        dataset: its config.
        pipeline: transforms.
    """
    kind: Any = dataset['type']
    if isinstance(kind, str):
        kind = DATASETS.get(kind)
    owner = isinstance(kind, type) and issubclass(kind, BaseDataset)
    if not owner and 'pipeline' not in signature(kind).parameters:
        if 'datasets' in dataset:
            inner = [with_pipeline(one, pipeline) for one in dataset['datasets']]
            return {**dataset, 'datasets': inner}
        if 'dataset' in dataset:
            return {**dataset, 'dataset': with_pipeline(dataset['dataset'], pipeline)}
    return {**dataset, 'pipeline': pipeline}
