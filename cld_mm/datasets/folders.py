"""ImageFolder: images in class folders, in any folders, or in a list or CSV file.

mmpretrain's CustomDataset follows circular links, skips pipes and broken links without
a message, takes every folder for a class, joins ``../`` of a list file to its folder,
and reads a wrong list without naming the line.
"""

import os
from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset, ImageNet

from cld_mm.fileio.image_decoding import printable
from cld_mm.fileio.image_formats import readable_suffixes
from cld_mm.registry import DATASETS

from .folder_listing import list_class_folders, list_images
from .label_files import read_label_file
from .loading_settings import settle_loading


class CheckedFolder:
    """Mixin of mmpretrain's CustomDataset: folders and lists as above."""

    skips_empty_folders = True
    img_prefix: str
    ann_file: str
    with_label: bool
    CLASSES: Any
    is_valid_file: Any
    _metainfo: dict
    _fully_initialized: bool

    def _find_samples(self) -> list:
        if '://' in self.img_prefix:  # on a remote store
            return super()._find_samples()  # type: ignore[misc]
        root = os.path.expanduser(self.img_prefix or '.')
        paths = list_images(root, self.is_valid_file)
        samples: list = paths
        if self.with_label:
            samples = [path.split('/', 1) for path in paths if '/' in path]
            loose = [path for path in paths if '/' not in path]
            if loose and samples:
                print_log(
                    f'{len(loose)} of {len(paths)} images in {root} were skipped, as '
                    f'they are in no class folder (such as {printable(loose[0])}): '
                    'move them into one, or set with_label=False.',
                    'current',
                    30,
                )
            self.folder_to_idx = self._number_folders(root, {s[0] for s in samples})
            samples = [('/'.join(s), self.folder_to_idx[s[0]]) for s in sorted(samples)]
        if not samples:
            raise ValueError(
                f'{root} has no images'
                + (
                    f' in class folders, but {len(paths)} without a folder: set '
                    'with_label=False for images without labels.'
                    if paths
                    else ': check data_root and data_prefix; readable are '
                    f'{", ".join(sorted(self.extensions))}.'  # type: ignore[attr-defined]
                )
            )
        return samples

    def _number_folders(self, root: str, folders: set[str]) -> dict[str, int]:
        """The class number of each folder that has images."""
        listed = list_class_folders(root)
        empty = sorted(set(listed) - folders)
        if empty and folders:
            print_log(
                f'no images in {", ".join(empty)} of {root}: not a class.',
                'current',
                30,
            )
        names = self.CLASSES
        if names is None:
            names = self._metainfo['classes'] = tuple(sorted(folders))
        if folders <= set(names):
            return {name: list(names).index(name) for name in sorted(folders)}
        for known in (listed, sorted(folders)):
            # Other names for the same classes, such as words for WordNet ids.
            if len(names) == len(known) and not set(names) & set(known):
                return {name: number for number, name in enumerate(known)}
        unknown = sorted(folders - set(names))
        raise ValueError(
            f'{root} has {len(folders)} class folders, and {len(unknown)} of them, '
            f'such as {printable(unknown[0])}, are not among the {len(names)} names of '
            'metainfo.classes: name all folders there, or leave classes out.'
        )

    def full_init(self) -> None:
        """Load the list of images, and decide how they are read."""
        if not self._fully_initialized:
            super().full_init()  # type: ignore[misc]
            settle_loading(self)

    def load_data_list(self) -> list[dict]:
        """Image paths and labels."""
        if not self.ann_file or '://' in self.ann_file or '://' in self.img_prefix:
            return super().load_data_list()  # type: ignore[misc]
        found, names = read_label_file(
            self.ann_file, self.img_prefix, self.with_label, self.CLASSES
        )
        if names is not None:
            self._metainfo.setdefault('classes', tuple(names))
        return [
            {'img_path': os.path.join(self.img_prefix, name)}
            | ({} if label is None else {'gt_label': label})
            for name, label in found
        ]


@DATASETS.register_module()
class ImageFolder(CheckedFolder, CustomDataset):
    """Images in class folders, in any folders, or in a list or CSV file.

    Args:
        data_root, data_prefix, ann_file, with_label, metainfo, **kwargs: as in
            mmpretrain's CustomDataset.
        extensions: of images' names; all that can be read, if not given.

    Raises:
        ValueError: there is no image, or a folder or a line of the list is invalid.
    """

    def __init__(
        self,
        data_root: str = '',
        data_prefix: str | dict = '',
        ann_file: str = '',
        with_label: bool = True,
        extensions: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        chosen = tuple(readable_suffixes() if extensions is None else extensions)
        super().__init__(data_root, data_prefix, ann_file, with_label, chosen, **kwargs)


@DATASETS.register_module()
class CheckedImageNet(CheckedFolder, ImageNet):
    """mmpretrain's ImageNet with checked folders and lists."""
