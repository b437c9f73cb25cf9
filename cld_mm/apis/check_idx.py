"""Do MNIST's and Fashion-MNIST's files belong together?

mmpretrain pairs images with labels until either ends, so the labels of another split
would be taken for those of these images.
"""

import struct
from pathlib import Path

SPLITS = ('train', 't10k')


def check_idx_files(folder: Path) -> None:
    """Compare the files' headers; nothing is said of files that are not there.

    Raises:
        ValueError: a file is cut short, or labels are not as many as images.
    """
    for split in SPLITS:
        images = folder / f'{split}-images-idx3-ubyte'
        labels = folder / f'{split}-labels-idx1-ubyte'
        if not (images.is_file() and labels.is_file()):
            continue
        shown, named = _entries(images, 3), _entries(labels, 1)
        if shown != named:
            raise ValueError(
                f'{labels} holds {named} labels, but {images.name} {shown} images: '
                'bring the files of one data set.'
            )


def _entries(path: Path, dimensions: int) -> int:
    """Number of entries by the header, which must fit the file's size."""
    start = 4 + 4 * dimensions
    with path.open('rb') as file:
        header = file.read(start)
    size = path.stat().st_size - start
    if len(header) == start and header[:4] == bytes([0, 0, 8, dimensions]):
        shape = struct.unpack(f'>{dimensions}I', header[4:])
        wanted = shape[0]
        for side in shape[1:]:
            wanted *= side
        if wanted == size:
            return shape[0]
    raise ValueError(
        f'{path} is cut short or not an idx file of {dimensions} dimension(s): fetch '
        'it again.'
    )
