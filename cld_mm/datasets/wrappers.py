"""Datasets made of others, which hand a sample's own seed on.

mmengine's turn an index into the inner dataset's and lose the seed that SeededSampler
gave it; augmentations would then depend on the worker and on interruptions.
"""

from typing import Any

from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset

from cld_mm.registry import DATASETS

from .samplers.seeded_sampler import SeededIndex


def with_seed(inner: int, outer: Any) -> int:
    """The inner index with the outer's seed, if it has one."""
    seed = getattr(outer, 'seed', None)
    return inner if seed is None else SeededIndex(int(inner), seed)


@DATASETS.register_module()
class SeededConcatDataset(ConcatDataset):
    """mmengine's ConcatDataset; its name in configs is the same."""

    def _get_ori_dataset_idx(self, idx: int) -> tuple[int, int]:
        number, inner = super()._get_ori_dataset_idx(idx)
        return number, with_seed(inner, idx)


@DATASETS.register_module()
class SeededRepeatDataset(RepeatDataset):
    """mmengine's RepeatDataset: each repetition of an image has its own seed."""

    def _get_ori_dataset_idx(self, idx: int) -> int:
        return with_seed(super()._get_ori_dataset_idx(idx), idx)


@DATASETS.register_module()
class SeededClassBalancedDataset(ClassBalancedDataset):
    """mmengine's ClassBalancedDataset: each repetition has its own seed."""

    def _get_ori_dataset_idx(self, idx: int) -> int:
        return with_seed(super()._get_ori_dataset_idx(idx), idx)
