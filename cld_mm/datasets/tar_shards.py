"""TarShards: images in tar shards, read nearly in sequence.

The layout is the webdataset library's, which reads and groups it as well; here it
serves to write shards and to group their members, while a sample is one read at a
known position. So the order is a plan made beforehand, and a run resumes inside an
epoch bit-exactly, with any number of workers, without reading what it has seen.
"""

from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets import BaseDataset

from cld_mm.registry import DATASETS

from .loading_settings import settle_loading
from .shard_index import read_index
from .stl10 import UNLABELED


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

    def full_init(self) -> None:
        """Read the index, and decide how images are read."""
        if not self._fully_initialized:
            super().full_init()
            settle_loading(self)

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
                if label is not None and not UNLABELED <= label < limit:
                    raise ValueError(
                        f'{root / shard.name}: {name} has the class {label}, but '
                        f'classes are 0 to {limit - 1}: create the shard again, or fix '
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
