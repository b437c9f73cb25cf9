"""Write folders of images as arrays: ``python .../folder_to_arrays.py FOLDER OUT``.

``FOLDER/<split>/<class>/<image>`` becomes ``OUT/<split>.npz``, which ``ImageArrays``
reads. Images are RGB, resized to ``--size`` unless they have that size already.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path, help='holds one folder per split')
    parser.add_argument('out', type=Path, help='folder for the .npz files')
    parser.add_argument('--size', type=int, default=32, help='pixels per side')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import numpy as np
from PIL import Image
from tqdm import tqdm
from cld_mm.cli.command_line import command_line
from mmpretrain.datasets import CustomDataset
from cld_mm.datasets.transforms import LoadImage


def convert(split: Path, size: int) -> dict[str, np.ndarray]:
    """The arrays of one split's class folders.

    Raises:
        ValueError: there is no image.
    """
    dataset = CustomDataset(data_root=str(split))
    if not len(dataset):
        raise ValueError(f'no images found in {split}; expected {split}/<class>/*.jpg.')
    load = LoadImage()
    images = np.empty((len(dataset), size, size, 3), dtype=np.uint8)
    for index in tqdm(range(len(dataset)), split.name, disable=None):
        pixels = load(dataset.get_data_info(index))['img'][..., ::-1]  # BGR to RGB
        if pixels.shape[:2] != (size, size):
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            pixels = np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))
        images[index] = pixels
    return {
        'images': images,
        'labels': np.asarray(dataset.get_gt_labels(), dtype=np.int64),
        'classes': np.asarray(dataset.metainfo['classes']),
    }


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        if args.size < 1:
            raise ValueError(f'--size must be >= 1, got {args.size}.')
        splits = (
            sorted(path for path in args.folder.iterdir() if path.is_dir())
            if args.folder.is_dir()
            else []
        )
        if not splits:
            raise FileNotFoundError(
                f'{args.folder} has no folder per split: expected '
                f'{args.folder}/train/<class>/*.jpg.'
            )
        converted = {split.name: convert(split, args.size) for split in splits}
        names = {tuple(arrays['classes']) for arrays in converted.values()}
        if len(names) > 1:
            raise ValueError(
                f'the splits of {args.folder} have different classes: give each split '
                'the same class folders.'
            )
        args.out.mkdir(parents=True, exist_ok=True)
        for name, arrays in converted.items():
            np.savez(args.out / f'{name}.npz', allow_pickle=False, **arrays)
            print(
                f'{args.out / name}.npz: {len(arrays["labels"]):,} images, '
                f'{len(arrays["classes"])} classes'
            )


if __name__ == '__main__':
    main()
