"""SeededSampler: every sample carries the seed of its own augmentations.

Augmentations that draw from a worker's running random state depend on how many
workers there are, on which of them got the sample and on where a run was
interrupted. Here they depend on the run's seed, the epoch and the image alone,
so a resumed run continues bit-exactly, mid-epoch too, with any number of
workers.
"""

import warnings
from collections.abc import Iterator

from mmengine.dataset import DefaultSampler, InfiniteSampler

from cld_mm.registry import DATA_SAMPLERS

_MASK = 2**64 - 1


class SeededIndex(int):
    """An index into a dataset that knows the seed of its augmentations.

    Attributes:
        seed: 64-bit, different for each image and epoch.
    """

    seed: int

    def __new__(cls, index: int, seed: int) -> 'SeededIndex':
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __reduce__(self) -> tuple[type['SeededIndex'], tuple[int, int]]:
        return SeededIndex, (int(self), self.seed)


def with_seed(inner: int, outer: int) -> int:
    """The inner index with the seed of the outer one, if that has one."""
    seed = getattr(outer, 'seed', None)
    return inner if seed is None else SeededIndex(int(inner), seed)


def warn_without_seed() -> None:
    """Say once per process that augmentations cannot be repeated."""
    warnings.warn(
        'samples come without a seed, so their views differ from run to run and after '
        'a resume: use SeededSampler, and hand indices on as they are in a dataset '
        'that wraps another.',
        stacklevel=2,
    )


def mix_seed(seed: int, epoch: int, index: int) -> int:
    """Combine three numbers into a well-spread 64-bit seed (splitmix64 steps)."""
    value = 0
    for number in (seed, epoch, index):
        value = (value + number + 0x9E3779B97F4A7C15) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        value ^= value >> 31
    return value


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's DefaultSampler, yielding :class:`SeededIndex`.

    Same order and same split over ranks; an index is a plain integer to code that does
    not use the seed. SeededMultiView uses it, and ResumableRunner lets every other
    pipeline draw from it.
    """

    def __iter__(self) -> Iterator[SeededIndex]:
        for index in super().__iter__():
            yield SeededIndex(index, mix_seed(self.seed, self.epoch, index))


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """mmengine's InfiniteSampler, yielding :class:`SeededIndex` from the start.

    mmengine's continues where its last iterator stopped, so that the order in a resumed
    run would depend on how far its loader had prefetched.
    """

    def __iter__(self) -> Iterator[SeededIndex]:
        for place, index in enumerate(self._indices_of_rank()):
            passes = (place * self.world_size + self.rank) // self.size
            yield SeededIndex(index, mix_seed(self.seed, passes, index))
