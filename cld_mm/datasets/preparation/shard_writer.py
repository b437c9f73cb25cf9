"""Write a dataset as tar shards of webdataset's layout, with an index."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from cld_mm.datasets.shard_index import (
    Shard,
    scan_shard,
    webdataset_library,
    write_index,
)
from cld_mm.fileio.image_decoding import check_image, decode_image, printable, read_file


def write_shards(dataset: Any, out: Path, shard_bytes: int, seed: int = 0) -> int:
    """Write all images in an order drawn by ``seed``; how many shards there are.

    Files are stored as they are, images in memory (RGB or gray) as PNG. The folder
    gets its name once it is whole.

    Args:
        dataset: one of mmpretrain's kind, whose pipeline is empty.
        out: new folder.
        shard_bytes: a shard is closed once its images fill so many bytes.
        seed: of the order.

    Raises:
        ValueError: the folder exists or cannot be made, the size is below 1, or there
            is no image.
        OSError: an image cannot be read.
        ImportError: webdataset is not installed.
    """
    whole = out.resolve()
    part = whole.parent / f'{whole.name}.part'
    for folder in (out, part):
        if folder.exists():
            raise ValueError(f'{folder} exists: remove it, or choose another folder.')
    if shard_bytes < 1 or len(dataset) == 0:
        raise ValueError(
            f'{len(dataset)} images in shards of {shard_bytes} bytes: both must be 1 '
            'or more.'
        )
    tar_writer = webdataset_library().TarWriter
    try:
        part.mkdir(parents=True)
    except NotADirectoryError as error:
        raise ValueError(
            f'{out} cannot be made, as a part of its path is a file: choose another '
            'folder.'
        ) from error
    shards: list[Shard] = []
    order = np.random.default_rng(seed).permutation(len(dataset))
    writer, filled = None, 0
    for place, index in enumerate(tqdm(order.tolist(), desc='images', disable=None)):
        if writer is None:
            path = part / f'shard-{len(shards):06d}.tar'
            writer = tar_writer(str(path), encoder=False, mtime=0)
        kind, data, label = stored(dataset[index])
        sample = {'__key__': f'{place:09d}', kind: data}
        if label is not None:
            sample['cls'] = str(label).encode()
        writer.write(sample)
        filled += len(data)
        if filled >= shard_bytes or place == len(order) - 1:
            writer.close()
            shards.append(scan_shard(path, digest=True))
            writer, filled = None, 0
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    write_index(part, shards, list(classes) if classes else None)
    part.rename(out)
    return len(shards)


def stored(sample: dict) -> tuple[str, bytes, int | None]:
    """Extension, bytes and class of a sample that no transform has touched.

    Raises:
        OSError: its file cannot be read as an image.
    """
    label = int(sample['gt_label']) if 'gt_label' in sample else None
    if 'img' in sample:
        image = np.asarray(sample['img'])
        if image.ndim == 3 and image.shape[2] == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        return 'png', cv2.imencode('.png', image)[1].tobytes(), label
    path = sample['img_path']
    try:
        data = read_file(path)
        kind = str(check_image(data).format).lower()
        # Now, as in training the message would name a member of a shard.
        decode_image(data)
    except Exception as error:
        raise OSError(
            f'{printable(path)} cannot be read as an image ({printable(str(error))}): '
            'fix or remove it, and remove the unfinished folder.'
        ) from error
    return {'jpeg': 'jpg', 'mpo': 'jpg', 'tiff': 'tif'}.get(kind, kind), data, label
