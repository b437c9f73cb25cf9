"""The one walk over a config: each value with its path and the part expected there."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.registry import FUNCTIONS, Registry

from cld_mm import registry as registries

# The registry of the parts below a key, wherever the key is.
PART_KEYS: dict[str, Registry] = {
    'model': registries.MODELS,
    'algorithm': registries.MODELS,
    'backbone': registries.MODELS,
    'neck': registries.MODELS,
    'head': registries.MODELS,
    'cld': registries.MODELS,
    'grouping': registries.MODELS,
    'loss': registries.MODELS,
    'dataset': registries.DATASETS,
    'datasets': registries.DATASETS,
    'sampler': registries.DATA_SAMPLERS,
    'collate_fn': FUNCTIONS,
    'pipeline': registries.TRANSFORMS,
    'transforms': registries.TRANSFORMS,
    'optimizer': registries.OPTIMIZERS,
    'vis_backends': registries.VISBACKENDS,
}
# What a Runner builds, in the order of likely mistakes.
SECTIONS: dict[str, Registry | None] = {
    'model': registries.MODELS,
    'train_dataloader': None,
    'train_cfg': registries.LOOPS,
    'val_dataloader': None,
    'val_cfg': registries.LOOPS,
    'val_evaluator': registries.METRICS,
    'test_dataloader': None,
    'test_cfg': registries.LOOPS,
    'test_evaluator': registries.METRICS,
    'optim_wrapper': registries.OPTIM_WRAPPERS,
    'param_scheduler': registries.PARAM_SCHEDULERS,
    'custom_hooks': registries.HOOKS,
    'default_hooks': None,
    'model_wrapper_cfg': registries.MODEL_WRAPPERS,
    'visualizer': registries.VISUALIZERS,
    'randomness': None,
    'env_cfg': None,
    'log_processor': None,
    'auto_scale_lr': None,
}


class Node(NamedTuple):
    """A value of a config.

    Attributes:
        path: such as ``train_dataloader.dataset.pipeline[0]``.
        key: the last key on the path; of an item in a list, the list's.
        value: what is there.
        registry: where the part expected here is registered; None where none is.
    """

    path: str
    key: str
    value: Any
    registry: Registry | None


def walk(cfg: Mapping[str, Any]) -> Iterator[Node]:
    """Every value in the sections that a Runner builds, owners before their parts.

    Other variables of a config file, such as ``train_pipeline``, are not visited: they
    were copied into the sections when the file was read.
    """
    for name, registry in SECTIONS.items():
        if cfg.get(name) is not None:
            yield from walk_value(cfg[name], name, name, registry)


def walk_value(
    value: Any, path: str, key: str = '', registry: Registry | None = None
) -> Iterator[Node]:
    """Every value from one on downwards; see :func:`walk`."""
    yield Node(path, key, value, registry)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            expected = PART_KEYS.get(name)
            if key == 'default_hooks':
                expected = registries.HOOKS
            elif 'paramwise_cfg' in path:  # its keys are names of weights
                expected = None
            yield from walk_value(inner, f'{path}.{name}', str(name), expected)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from walk_value(item, f'{path}[{index}]', key, registry)
