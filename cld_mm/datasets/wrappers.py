"""mmengine's dataset wrappers, handing on the seed of each sample.

mmengine's turn an index into the inner dataset's and lose the seed that SeededSampler
gave it; augmentations would then depend on the worker and on interruptions.
"""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset

from cld_mm.registry import DATASETS

from .class_names import align_classes, read_class_names
from .samplers.seeded_sampler import with_seed
from .value_range import use_value_range, value_range_of


@DATASETS.register_module()
class SeededConcatDataset(ConcatDataset):
    """mmengine's ConcatDataset; datasets may have different lists of classes.

    Classes are matched by name: the list is the first dataset's, then what the others
    add to it. Images of more than 8 bits share one range of values.
    """

    def __init__(
        self,
        datasets: Sequence[Any],
        lazy_init: bool = False,
        ignore_keys: str | list[str] | None = None,
    ) -> None:
        ignored = [ignore_keys] if isinstance(ignore_keys, str) else ignore_keys or []
        super().__init__(datasets, lazy_init, [*ignored, 'classes', 'value_range'])

    def full_init(self) -> None:
        """Load all datasets and number their classes along one list."""
        if self._fully_initialized:
            return
        super().full_init()
        names = read_class_names(self)
        if names is not None:
            align_classes(self, names)
        value_range = value_range_of(self)
        if value_range is not None:
            use_value_range(self, value_range)
            self._metainfo['value_range'] = value_range  # for checkpoints

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
