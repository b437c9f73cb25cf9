"""Skip the batches of an epoch that were seen before a resume."""

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from itertools import islice
from typing import Any

from mmengine.dataset import InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader


def is_endless(loader: DataLoader) -> bool:
    """Whether one pass through the loader never ends."""
    return isinstance(loader.sampler, InfiniteSampler)


class _Rest:
    """A sampler without its first indices; its length stays the same, for hooks."""

    def __init__(self, sampler: Any, seen: int) -> None:
        self.sampler, self.seen = sampler, seen

    def __iter__(self) -> Iterator:
        return islice(iter(self.sampler), self.seen, None)

    def __len__(self) -> int:
        return len(self.sampler)


@contextmanager
def skip_batches(loader: DataLoader, seen: int) -> Iterator[Iterable]:
    """The batches of an epoch after the first ``seen``, which are not loaded.

    With a batch sampler other than torch's they are loaded and dropped.

    Args:
        loader: the epoch's loader.
        seen: batches to skip, 0 or more.
    """
    sampler = loader.batch_sampler
    if not seen:
        yield loader
    elif seen == len(loader) and not is_endless(loader):
        yield ()
    elif type(sampler) is BatchSampler and isinstance(sampler.sampler, Sized):
        whole = sampler.sampler
        sampler.sampler = _Rest(whole, seen * sampler.batch_size)
        try:
            yield loader
        finally:
            sampler.sampler = whole
    else:
        yield islice(iter(loader), seen, None)
