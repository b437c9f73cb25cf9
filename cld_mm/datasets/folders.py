"""Image folders and list files, looked over before anything is read.

mmpretrain's CustomDataset follows links in circles, leaves pipes and broken links out
in silence, joins ``../`` of a list file to its folder, and reads a wrong list without
saying which line is wrong.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset, ImageNet

from cld_mm.fileio.image_decoding import printable, readable_suffixes
from cld_mm.registry import DATASETS


def list_images(root: str | Path, is_image: Callable[[str], bool]) -> list[str]:
    """Paths of all images below a folder, relative to it, sorted.

    Links are followed. Names that begin with a dot are left out, and with a warning
    those that are not ``is_image`` but end as images that could be read do.

    Args:
        root: the folder.
        is_image: whether a name is an image's.

    Raises:
        ValueError: a folder cannot be listed, or is reached twice by a link (a circle
            would never end, and an image would count twice); an image is a pipe or
            device, or a link that leads nowhere.
    """
    found: list[str] = []
    left_out: Counter[str] = Counter()
    seen: dict[tuple[int, int], str] = {}
    waiting = [(str(root), '')]
    while waiting:
        folder, below = waiting.pop()
        try:
            status = os.stat(folder)
            with os.scandir(folder) as listing:
                entries = [e for e in listing if not e.name.startswith('.')]
        except OSError as error:
            raise ValueError(
                f'the folder {printable(folder)} cannot be listed ({error.strerror}): make '
                'it readable, or take it away.'
            ) from error
        place = (status.st_dev, status.st_ino)
        if place in seen:
            raise ValueError(
                f'{printable(folder)} and {printable(seen[place])} are the same folder, by a '
                'link: remove the link, or images would count twice.'
            )
        seen[place] = folder
        for entry in entries:
            kind = _kind(entry, is_image(entry.name))
            if kind == 'folder':
                waiting.append((entry.path, f'{below}{entry.name}/'))
            elif kind == 'file' and is_image(entry.name):
                found.append(below + entry.name)
            elif kind == 'file':
                left_out[os.path.splitext(entry.name)[1].lower()] += 1
    images = {end: left_out[end] for end in sorted(readable_suffixes() & {*left_out})}
    if images:
        listed = ', '.join(f'{number} {end}' for end, number in images.items())
        print_log(
            f'{printable(root)}: {listed} are left out, as not among the extensions of '
            "its dataset: name them there (extensions=('.jpg', '.webp', ...)).",
            'current',
            30,
        )
    return sorted(found)


def _kind(entry: os.DirEntry, image: bool) -> str:
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if not image:
            return 'other'
        raise ValueError(
            f'{printable(entry.path)} cannot be found ({error.strerror}): mend or remove '
            'the link.'
        ) from error
    if stat.S_ISDIR(mode):
        return 'folder'
    if image and not stat.S_ISREG(mode):
        raise ValueError(
            f'{printable(entry.path)} is a pipe, device or socket, not an image: remove it.'
        )
    return 'file'


def read_lines(path: str | Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1.

    Raises:
        ValueError: it is no regular file, or a line is not UTF-8.
        OSError: the file cannot be read.
    """
    lines = []
    path = Path(path).expanduser()
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise ValueError(f'{path} is a folder, pipe or device: name a text file.')
    content = path.read_bytes().removeprefix(b'\xef\xbb\xbf')
    for number, line in enumerate(content.split(b'\n'), start=1):
        try:
            text = line.decode('utf-8').strip()
        except UnicodeDecodeError as error:
            raise ValueError(
                f'{path}: line {number} is not in UTF-8: save the list in it.'
            ) from error
        if '\0' in text:
            raise ValueError(
                f'{path}: line {number} holds a zero byte: the list is no text, or in '
                'UTF-16; save it in UTF-8.'
            )
        if text:
            lines.append((number, text))
    if not lines:
        raise ValueError(f'{path} names no image: mend the list.')
    return lines


def read_list(
    path: str | Path, prefix: str, with_label: bool, classes: int | None
) -> list[tuple[str, int | None]]:
    """Image names below ``prefix``, with labels, from a list file.

    Args:
        path: text file with a name a line, and a label behind it.
        prefix: the images' folder, which no name may leave.
        with_label: whether there are labels.
        classes: how many there are; None where that is not known.

    Raises:
        ValueError: a line is not in UTF-8, has no whole number as label or one outside
            the classes, or its name leaves the folder.
    """
    root = Path(os.path.abspath(os.path.expanduser(prefix or '.')))
    found: list[tuple[str, int | None]] = []
    for number, text in read_lines(path):
        name, label = text, None
        if with_label:
            *names, last = text.rsplit(maxsplit=1)
            if not names or not re.fullmatch('[+-]?[0-9]{1,99}', last):
                raise ValueError(
                    f'{path}: line {number} is {printable(text)[:80]!r}, but must be a '
                    'path and a whole number as label, with a blank between them.'
                )
            name, label = names[0], int(last)
            _check_label(path, number, label, classes)
        inside = Path(os.path.normpath(root / name))
        if not inside.is_relative_to(root) or inside == root:
            raise ValueError(
                f'{path}: line {number} names {printable(name)[:80]!r}, which is outside '
                f'the folder {root}: write paths below it.'
            )
        found.append((name, label))
    return found


def _check_label(path: Any, number: int, label: int, classes: int | None) -> None:
    limit = classes or 2**31
    if not 0 <= label < limit:
        raise ValueError(
            f'{path}: line {number} has the label {label}, but labels are 0 to '
            f'{limit - 1}'
            + (f' for {classes} classes' if classes else '')
            + ': mend the list, or metainfo.classes.'
        )


class CheckedFolder:
    """Mixin of mmpretrain's CustomDataset: folders and lists as above."""

    img_prefix: str
    ann_file: str
    with_label: bool
    CLASSES: Any
    is_valid_file: Any
    _metainfo: dict

    def _find_samples(self) -> list:
        if '://' in self.img_prefix:  # on a remote store
            return super()._find_samples()  # type: ignore[misc]
        root = os.path.expanduser(self.img_prefix or '.')
        paths = list_images(root, self.is_valid_file)
        samples: list = paths
        if self.with_label:
            folders = sorted(
                entry.name
                for entry in os.scandir(root)
                if entry.is_dir() and not entry.name.startswith('.')
            )
            if self.CLASSES is not None and len(self.CLASSES) != len(folders):
                raise ValueError(
                    f'{root} has {len(folders)} folders, but metainfo names '
                    f'{len(self.CLASSES)} classes: a folder is a class.'
                )
            self.folder_to_idx = {name: place for place, name in enumerate(folders)}
            if self.CLASSES is None:
                self._metainfo['classes'] = tuple(folders)
            split = sorted(tuple(path.split('/', 1)) for path in paths if '/' in path)
            samples = [('/'.join(p), self.folder_to_idx[p[0]]) for p in split]
            empty = sorted(set(folders) - {p[0] for p in split})
            if empty and samples:
                print_log(f'no image in {", ".join(empty)} of {root}', 'current', 30)
        if not samples:
            raise ValueError(
                f'{root} holds no image'
                + (' in a folder of its class' if self.with_label else '')
                + ': put them there, or mend data_root and data_prefix.'
            )
        return samples

    def load_data_list(self) -> list[dict]:
        """Image paths and labels."""
        if not self.ann_file or '://' in self.ann_file or '://' in self.img_prefix:
            return super().load_data_list()  # type: ignore[misc]
        classes = None if self.CLASSES is None else len(self.CLASSES)
        found = read_list(self.ann_file, self.img_prefix, self.with_label, classes)
        return [
            {'img_path': os.path.join(self.img_prefix, name)}
            | ({} if label is None else {'gt_label': label})
            for name, label in found
        ]


@DATASETS.register_module()
class ImageFolder(CheckedFolder, CustomDataset):
    """mmpretrain's CustomDataset; its name in configs is the same."""


@DATASETS.register_module()
class CheckedImageNet(CheckedFolder, ImageNet):
    """mmpretrain's ImageNet; its name in configs is the same."""
