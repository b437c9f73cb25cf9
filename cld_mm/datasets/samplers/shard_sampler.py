"""ShardSampler: visits tar shards nearly in sequence, with a shuffle buffer.

The order is a plan made beforehand, so a run resumes inside an epoch exactly.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cld_mm.registry import DATA_SAMPLERS

from .seeded_sampler import SeededIndex, SeededSampler, mix_seed


@DATA_SAMPLERS.register_module()
class ShardSampler(SeededSampler):
    """An epoch's order: shards permuted, each rank a stretch of them, then a buffer.

    A sample is moved by fewer than ``buffer_size`` places within its rank's stretch,
    as by a shuffle buffer; the order is a function of seed, epoch and world size.

    Args:
        dataset: a TarShards, or a part of one.
        shuffle: False keeps the order of the shards.
        seed: the same on all ranks.
        round_up: True repeats up to ``world size - 1`` samples, so that ranks have
            equally many, as training needs; False has each sample exactly once.
        buffer_size: samples of the buffer, 1 or more.

    Raises:
        ValueError: the dataset has no shards, or the buffer no place.
    """

    def __init__(
        self,
        dataset: Any,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
        buffer_size: int = 5000,
    ) -> None:
        if not hasattr(dataset, 'shard_numbers') or buffer_size < 1:
            raise ValueError(
                f'ShardSampler got a {type(dataset).__name__} and buffer_size '
                f'{buffer_size}: give it a TarShards and 1 or more.'
            )
        super().__init__(dataset, shuffle, seed, round_up)
        self.buffer_size = buffer_size
        self.numbers = dataset.shard_numbers()
        total = self.total_size
        self.start = total * self.rank // self.world_size
        self.num_samples = total * (self.rank + 1) // self.world_size - self.start

    def __iter__(self) -> Iterator[SeededIndex]:
        if self.shuffle:
            shared = np.random.default_rng(mix_seed(self.seed, self.epoch, 0))
            ranks = shared.permutation(int(self.numbers.max(initial=0)) + 1)
            order = np.argsort(ranks[self.numbers], kind='stable')
        else:
            order = np.arange(len(self.numbers))
        order = np.resize(order, self.total_size)
        order = order[self.start : self.start + self.num_samples]
        if self.shuffle:
            own = np.random.default_rng(mix_seed(self.seed, self.epoch, self.rank + 1))
            delay = own.random(len(order)) * self.buffer_size
            order = order[np.argsort(np.arange(len(order)) + delay, kind='stable')]
        for index in order.tolist():
            yield SeededIndex(index, mix_seed(self.seed, self.epoch, index))
