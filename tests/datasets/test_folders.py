"""Folders and lists as people leave them: one sentence with the line, never a hang."""

import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from cld_mm.cli.error_messages import one_line
from cld_mm.datasets import (
    CheckedFashionMNIST,
    ImageFolder,
    ImageNetSubset,
)
from cld_mm.datasets.folder_listing import list_images
from cld_mm.registry import TRANSFORMS

PIPELINE = [TRANSFORMS.build({'type': name}) for name in ('LoadImage', 'PackInputs')]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of three images."""
    root = tmp_path / 'images'
    for number in range(6):
        path = root / f'class_{number % 2}' / f'{number} {number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 5), (number, 0, 0)).save(path)
    return root


def is_image(name: str) -> Any:
    return name.endswith('.png')


def test_a_sound_folder_reads_as_mmpretrain_does(images: Path) -> None:
    from mmpretrain.datasets import CustomDataset as Theirs

    (images / 'class_1/deep/er').mkdir(parents=True)
    Image.new('L', (2, 2)).save(images / 'class_1/deep/er/x.png')
    (images / 'class_1/.hidden.png').touch()
    (images / 'class_0/notes.txt').touch()
    (images / 'loose.png').touch()
    for with_label in (True, False):
        ours, theirs = (
            kind(data_root=str(images), with_label=with_label)
            for kind in (ImageFolder, Theirs)
        )
        assert len(ours) == len(theirs) == 7 + (not with_label)
        for one, two in zip(ours, theirs, strict=True):
            assert os.path.realpath(one['img_path']) == os.path.realpath(
                two['img_path']
            )
            assert one.get('gt_label') == two.get('gt_label')
        assert ours.metainfo == theirs.metainfo


def test_links_in_circles_pipes_and_broken_links_end_in_a_sentence(
    images: Path,
) -> None:
    inside = images / 'class_0'
    (inside / 'notes').symlink_to(inside / 'nowhere')  # no image: of no concern
    assert len(list_images(images, is_image)) == 6
    for make, reason in [
        (lambda p: p.symlink_to(images), 'are the same folder, by a link'),
        (lambda p: p.symlink_to('.'), 'are the same folder, by a link'),
        (lambda p: p.symlink_to(images / 'class_1'), 'are the same folder'),
        (os.mkfifo, 'is a pipe'),
        (lambda p: p.symlink_to(p), 'cannot be found'),
        (lambda p: p.symlink_to('gone.png'), 'cannot be found .No such file'),
        (lambda p: p.symlink_to('/dev/zero'), 'is a pipe, device'),
    ]:
        odd = inside / 'odd.png'
        make(odd)
        with pytest.raises(ValueError, match=reason):
            list_images(images, is_image)
        with pytest.raises(ValueError, match=reason):
            ImageFolder(data_root=str(images))
        odd.unlink()
    # Two links a folder, forty folders deep, would take 2^40 visits.
    for depth in range(40):
        here, below = (images / f'd{d}' for d in (depth, depth + 1))
        here.mkdir()
        (here / 'a').symlink_to(below)
        (here / 'b').symlink_to(below)
    below.mkdir()
    with pytest.raises(ValueError, match='are the same folder'):
        list_images(images, is_image)


def test_a_list_that_is_a_pipe_is_named(images: Path) -> None:
    os.mkfifo(images / 'list.txt')  # reading it would wait for ever
    for name in ('list.txt', 'class_0'):
        with pytest.raises(ValueError, match=rf'{name} is a folder, pipe or device'):
            ImageFolder(data_root=str(images), ann_file=name)


def test_an_unreadable_folder_is_named(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def deny(path: Path) -> Any:  # root may read everything, so a mode is no test
        if str(path).endswith('class_1'):
            raise PermissionError(13, 'Permission denied', path)
        return scan(path)

    monkeypatch.setattr(os, 'scandir', deny)
    with pytest.raises(ValueError, match=r'class_1 cannot be listed .Permission'):
        ImageFolder(data_root=str(images))


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ('class_0/0 0.png\n', 'line 1 has the label .0.png., but the classes are a, b'),
        ('class_0/a.png 0\nclass_0/b.png\n', 'line 2 is'),
        ('class_0/a.png 0\n\nclass_0/b.png 1.5\n', 'line 3 has the label .1.5'),
        ('class_0/a.png 0\nclass_0/b.png 2\n', r'line 2 has the label 2.* 0 to 1'),
        ('class_0/a.png -1\n', 'line 1 has the label -1'),
        ('class_0/a.png 99999999999999999999\n', 'line 1 has the label 9'),
        ('path,label\nclass_0/a.png,0\n', 'line 1 is .path,label'),
        ('path label\nclass_0/a.png 0\n', 'line 1 has the label .label'),
        (' 3\n', 'line 1 is'),
        ('class_0/0.png 1_0\n', 'line 1 has the label .1_0'),
        ('', 'names no image'),
        ('\n \n', 'names no image'),
        ('class_0/a.png 0\nclass_0/é.png 1\n'.encode('latin-1'), 'line 2 is not in U'),
        ('class_0/a.png 0\n'.encode('utf-16'), 'line 1'),
        ('class_0/a.png 0\n'.encode('utf-16-le'), 'line 1 holds a zero byte'),
        ('../secret.png 0\n', r'line 1 names .*outside'),
        ('class_0/../../secret.png 0\n', r'line 1 names .*outside'),
        ('/etc/passwd 0\n', r'line 1 names ./etc/passwd., which is outside'),
        ('. 0\n', 'outside'),
    ],
)
def test_a_wrong_list_is_one_sentence_with_its_line(
    images: Path, content: Any, reason: str
) -> None:
    listing = images / 'list.txt'
    data = content if isinstance(content, bytes) else content.encode()
    listing.write_bytes(data)
    with pytest.raises(ValueError, match=reason) as raised:
        ImageFolder(
            data_root=str(images),
            ann_file='list.txt',
            metainfo={'classes': ('a', 'b')},
        )
    assert str(listing) in str(raised.value)
    assert '\n' not in one_line(raised.value)


def test_a_sound_list_is_read(images: Path) -> None:
    text = '\ufeffclass_0/0 0.png 1\r\n\r\nclass_0/../class_1/1 1.png\t0\n'
    (images / 'list.txt').write_bytes(text.encode())
    dataset = ImageFolder(data_root=str(images), ann_file='list.txt', pipeline=PIPELINE)
    assert [int(x['data_samples'].gt_label) for x in dataset] == [1, 0]
    assert [int(x['inputs'][2, 0, 0]) for x in dataset] == [0, 1]
    listing = images / 'ids'
    listing.write_bytes(b'class_0\xff')
    with pytest.raises(ValueError, match='ids: line 1 is not in UTF-8'):
        ImageNetSubset(str(images.parent), str(listing), split='images')


def idx(path: Path, array: Any) -> None:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f'>{array.ndim}I', *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def test_wrong_files_of_labels(tmp_path: Path) -> None:
    images = tmp_path / 'train-images-idx3-ubyte'
    labels = tmp_path / 'train-labels-idx1-ubyte'
    idx(images, np.zeros((5, 28, 28)))
    for content, reason in [
        (np.zeros(4), 'labels-idx1-ubyte has 4 labels, but train-images-idx3-ubyte 5 '),
        (np.zeros(6), 'labels-idx1-ubyte has 6 labels, but train-images-idx3-ubyte 5 '),
        (np.array([0, 1, 10, 3, 255]), r'label number 3 is 10.* 10 classes'),
        (np.zeros((5, 1)), 'not an uncompressed idx file of bytes in 1 dim'),
    ]:
        idx(labels, content)
        with pytest.raises(ValueError, match=reason):
            CheckedFashionMNIST(data_root=str(tmp_path))
    idx(labels, np.arange(5))
    assert CheckedFashionMNIST(data_root=str(tmp_path))[4]['gt_label'] == 4
    whole = images.read_bytes()
    for data in (whole[:-1], whole + b'x', whole[:9], b''):
        images.write_bytes(data)
        with pytest.raises(ValueError, match='fetch it again'):
            CheckedFashionMNIST(data_root=str(tmp_path))
    images.unlink()
    with pytest.raises(FileNotFoundError, match=r'images-idx3-ubyte is missing: run'):
        CheckedFashionMNIST(data_root=str(tmp_path))


def test_a_file_that_vanishes_in_an_epoch_is_named(images: Path) -> None:
    dataset = ImageFolder(data_root=str(images), pipeline=PIPELINE)
    loader: DataLoader = DataLoader(
        dataset, batch_size=1, num_workers=1, prefetch_factor=1, collate_fn=list
    )
    batches = iter(loader)
    next(batches)
    gone = dataset.get_data_info(5)['img_path']
    os.unlink(gone)
    with pytest.raises(OSError, match=re.escape(gone)) as raised:
        list(batches)
    said = one_line(raised.value)
    assert said.startswith(f'{gone} cannot be read as an image (No such file')
