"""Copies of a dataset that share nothing with earlier copies of others.

mmengine 0.10 remembers what ``BaseDataset.get_subset`` has copied by its address, in
one table for the whole process. Once a dataset is gone, whatever takes its address
counts as copied: a transform of a later subset can be replaced by a dataset. Does
nothing where the table is no default argument any more.
"""

from functools import wraps
from typing import Any

from mmengine.dataset import BaseDataset


def copy_datasets_afresh() -> None:
    """Give each copy a table of its own."""
    copy = BaseDataset._copy_without_annotation
    if not isinstance((copy.__defaults__ or (None,))[0], dict):
        return

    @wraps(copy)
    def copy_afresh(self: BaseDataset, memo: dict | None = None) -> Any:
        return copy(self, {} if memo is None else memo)

    BaseDataset._copy_without_annotation = copy_afresh
