"""ImageNet's archives, which the user downloads, to class folders.

Its license forbids an automatic download. torchvision knows the sums and how the
development kit names the classes.
"""

import os
from pathlib import Path

from torchvision.datasets import imagenet

from cld_mm.fileio.download import SourceError

HELP = (
    'ImageNet must be downloaded by hand, because its license asks for an account: get '
    'ILSVRC2012_img_train.tar (138 GB), ILSVRC2012_img_val.tar (6.3 GB) and '
    'ILSVRC2012_devkit_t12.tar.gz (2.5 MB) from https://image-net.org/download, put '
    'them into {root}, and run this again.'
)


def prepare_imagenet(root: Path) -> list[str]:
    """Check and unpack the archives in ``root``; move validation images into folders.

    Args:
        root: ImageNet's folder, with the three archives, or with ``train`` and a
            ``val`` whose images may still be without class folders.

    Returns:
        Lines that say what was done.

    Raises:
        SourceError: something is missing or has a wrong sum; it says what to download.
    """
    root.mkdir(parents=True, exist_ok=True)
    done = []
    if not (root / 'train').is_dir():
        _need(root, 'train')
        imagenet.parse_train_archive(root)
        done.append(f'{root / "train"} unpacked.')
    if not (root / 'val').is_dir():
        _need(root, 'val')
        imagenet.parse_val_archive(root, wnids=_validation_ids(root))
        done.append(f'{root / "val"} unpacked into class folders.')
    loose = sorted((root / 'val').glob('*.JPEG'))
    if loose:
        moved = move_into_folders(loose, _validation_ids(root))
        done.append(f'{moved} validation images moved into class folders.')
    return done or [f'{root} is ready already.']


def move_into_folders(images: list[Path], class_ids: list[str]) -> int:
    """Move validation images into a folder for each class, beside them.

    Args:
        images: ``ILSVRC2012_val_00000001.JPEG`` and so on; the number counts from 1.
        class_ids: the class of each validation image, in order of number.

    Returns:
        How many were moved.

    Raises:
        SourceError: a name has no number, or one beyond the list.
    """
    moves = []
    for image in images:
        number = image.stem.rsplit('_', 1)[-1]
        if not number.isdigit() or not 1 <= int(number) <= len(class_ids):
            raise SourceError(
                f'{image} is none of the {len(class_ids)} validation images: move it '
                'elsewhere.'
            )
        folder = image.parent / class_ids[int(number) - 1]
        moves.append((image, folder / image.name))
    for image, place in moves:
        place.parent.mkdir(exist_ok=True)
        os.replace(image, place)
    return len(moves)


def _validation_ids(root: Path) -> list[str]:
    if not (root / imagenet.META_FILE).is_file():
        _need(root, 'devkit')
        imagenet.parse_devkit_archive(root)
    return imagenet.load_meta_file(root)[1]


def _need(root: Path, part: str) -> None:
    name = imagenet.ARCHIVE_META[part][0]
    if not (root / name).is_file():
        raise SourceError(f'{root / name} is missing. {HELP.format(root=root)}')
