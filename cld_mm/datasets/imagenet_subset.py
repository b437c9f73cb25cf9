"""ImageNetSubset: some classes of ImageNet, from ImageNet's own folder.

ImageNet-100 (100 class ids in a text file) was first used in CMC (arXiv 1906.05849).
No file is copied or linked.
"""

from pathlib import Path
from typing import Any

from cld_mm.registry import DATASETS

from .folder_listing import list_images
from .folders import ImageFolder
from .label_files import read_lines


@DATASETS.register_module()
class ImageNetSubset(ImageFolder):
    """The images of the listed class folders; labels count along the sorted ids.

    Args:
        data_root: ImageNet's folder, which holds ``train`` and ``val``.
        class_ids: text file of class ids separated by blanks or line ends, or a list
            of ids.
        split: 'train' or 'val'.
        **kwargs: as in mmpretrain's CustomDataset.

    Raises:
        ValueError: the list is empty or names an id twice.
        FileNotFoundError: the list, or the folder of a class, does not exist.
    """

    def __init__(
        self,
        data_root: str,
        class_ids: str | list[str],
        split: str = 'train',
        **kwargs: Any,
    ) -> None:
        self.class_ids = sorted(read_class_ids(class_ids))
        super().__init__(
            data_root=data_root,
            data_prefix=split,
            metainfo={'classes': tuple(self.class_ids)},
            **kwargs,
        )

    def _find_samples(self) -> list[tuple[str, int]]:
        root = Path(self.img_prefix).expanduser()
        samples = []
        for label, name in enumerate(self.class_ids):
            folder = root / name
            if not folder.is_dir():
                raise FileNotFoundError(
                    f'{folder} does not exist, but the class list names {name}: give '
                    "ImageNet's own folder as data_root or fix the list."
                )
            images = list_images(folder, self.is_valid_file)
            samples += [(f'{name}/{image}', label) for image in images]
        return samples


def read_class_ids(source: str | list[str] | Path) -> list[str]:
    """Class ids from a text file (blanks or line ends between them), or as given.

    Raises:
        ValueError: there are none, or one occurs twice.
        FileNotFoundError: there is no such file.
    """
    if isinstance(source, (str, Path)):
        path = Path(source).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f'the class list {path} does not exist: download the published one '
                '(see the README, datasets).'
            )
        ids = [name for _, line in read_lines(path) for name in line.split()]
    else:
        ids = list(source)
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if not ids or repeated:
        found = f'{repeated} more than once' if repeated else 'no class'
        raise ValueError(
            f'the class list {source} names {found}: list each class once.'
        )
    return ids
