"""Data loading that does not depend on workers or interruptions."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mmengine.dataset import Compose

from cld_mm.datasets.transforms import SeededCompose
from cld_mm.engine.preemption.signals import leave_signals_to_the_rank


def seed_pipelines(dataset: Any) -> None:
    """Let pipelines draw from the seed of each sample, also in wrapped datasets."""
    pipeline: Any = getattr(dataset, 'pipeline', None)
    if type(pipeline) is Compose:
        dataset.pipeline = SeededCompose(pipeline.transforms)
        # mmengine's place for an image instead of a broken one.
        dataset._rand_another = partial(dataset.pipeline.another, dataset)
    inner = [vars(dataset).get('dataset'), *vars(dataset).get('datasets', [])]
    for other in inner:
        if hasattr(other, '__dict__'):
            seed_pipelines(other)


def start_worker(before: Callable[[int], None] | None, number: int) -> None:
    leave_signals_to_the_rank()
    if before is not None:
        before(number)
