"""TarShards and ShardSampler: images in tar shards, read nearly in sequence.

The layout is the webdataset library's, which reads and groups it as well; here it
serves to write shards and to group their members, while a sample is one read at a
known place. So the order is a plan made beforehand, and a run resumes inside an epoch
to the last bit, with any number of workers, without reading what it has seen.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets import BaseDataset

from cld_mm.registry import DATA_SAMPLERS, DATASETS

from .seeded_sampler import SeededIndex, SeededSampler, mix_seed
from .shard_index import read_index
from .stl10 import UNLABELLED


@DATASETS.register_module()
class TarShards(BaseDataset):
    """Images in tar shards; LoadImage reads them.

    Args:
        data_root: folder of the shards and, where to_shards.py made them, of their
            ``index.json``; without it the shards' headers are scanned at each start.
        shards: pattern of their names.
        **kwargs: as in mmpretrain's BaseDataset.

    Raises:
        ValueError: a shard is broken or not what the index says, or a class is none.
        FileNotFoundError: there is no shard.
    """

    def __init__(self, data_root: str, shards: str = '*.tar', **kwargs: Any) -> None:
        self.pattern = shards
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry a sample, in the order of the shards."""
        root = Path(self.data_root).expanduser()
        shards, classes = read_index(root, self.pattern)
        if classes and 'classes' not in self._metainfo:
            self._metainfo['classes'] = tuple(classes)
        limit = len(self._metainfo.get('classes') or ()) or 2**31
        entries = []
        for number, shard in enumerate(shards):
            for name, offset, size, label in shard.members:
                if label is not None and not UNLABELLED <= label < limit:
                    raise ValueError(
                        f'{root / shard.name}: {name} has the class {label}, but '
                        f'classes are 0 to {limit - 1}: make the shard anew, or mend '
                        'metainfo.classes.'
                    )
                entry = {
                    'img_path': str(root / shard.name / name),
                    'shard': str(root / shard.name),
                    'shard_number': number,
                    'place': (offset, size),
                }
                if label is not None:
                    entry['gt_label'] = label
                entries.append(entry)
        return entries

    def shard_numbers(self) -> np.ndarray:
        """``(N,)``: the number of each sample's shard."""
        return np.array(
            [self.get_data_info(place)['shard_number'] for place in range(len(self))]
        )


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
        ValueError: the data set has no shards, or the buffer no place.
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
