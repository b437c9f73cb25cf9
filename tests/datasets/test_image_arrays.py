"""Image arrays on disk, converted from folders, and near-identical frames of them."""

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cld_mm.datasets import Frames, ImageArrays
from tests.helpers import ROOT

TOOL = str(ROOT / 'tools/dataset_converters/folder_to_arrays.py')


def convert(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: Any
) -> tuple:
    """Run the converter; exit code, output and errors."""
    monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, words)])
    code = 0
    try:
        runpy.run_path(TOOL, run_name='__main__')
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    found = capsys.readouterr()
    return code, found.out, found.err


def write_folders(
    root: Any,
    splits: tuple = ('train', 'test'),
    classes: tuple = ('cat', 'dog'),
    size: tuple = (8, 8),
) -> None:
    for split in splits:
        for label, name in enumerate(classes):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                color = (250 - 40 * number, 100 * label, 7)
                Image.new('RGB', size, color).save(folder / f'{number}.png')


def test_folders_become_arrays_in_rgb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / 'in')
    code, out, _ = convert(
        monkeypatch, capsys, tmp_path / 'in', tmp_path / 'out', '--size', 8
    )
    assert code == 0
    assert 'train.npz: 6 images, 2 classes' in out
    dataset = ImageArrays(data_root=str(tmp_path / 'out'), split='train')
    assert dataset.metainfo['classes'] == ('cat', 'dog')
    infos = [dataset.get_data_info(number) for number in range(6)]
    assert [info['gt_label'] for info in infos] == [0, 0, 0, 1, 1, 1]
    assert infos[4]['img'].shape == (8, 8, 3)
    assert tuple(infos[4]['img'][0, 0]) == (210, 100, 7)


def test_images_of_another_size_are_resized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / 'in', splits=('train',), size=(20, 10))
    convert(monkeypatch, capsys, tmp_path / 'in', tmp_path / 'out', '--size', 4)
    dataset = ImageArrays(data_root=str(tmp_path / 'out'))
    assert dataset.get_data_info(0)['img'].shape == (4, 4, 3)


def test_wrong_folders_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'empty').mkdir()
    code, _, err = convert(monkeypatch, capsys, tmp_path / 'empty', tmp_path / 'out')
    assert (code, err.count('\n')) == (2, 1)
    assert 'no folder per split' in err
    write_folders(tmp_path / 'in', splits=('train',))
    write_folders(tmp_path / 'in', splits=('test',), classes=('cat', 'cow'))
    code, _, err = convert(monkeypatch, capsys, tmp_path / 'in', tmp_path / 'out')
    assert code == 2
    assert 'different classes' in err
    assert not (tmp_path / 'out').exists()


def save(folder: Path, **changes: Any) -> None:
    arrays = {
        'images': np.zeros((40, 6, 6, 3), dtype=np.uint8),
        'labels': np.arange(40) % 4,
        'classes': np.array(list('abcd')),
        **changes,
    }
    folder.mkdir(exist_ok=True)
    np.savez(folder / 'train.npz', **arrays)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'images': np.zeros((40, 6, 6, 3))}, 'expected uint8'),
        ({'labels': np.zeros(39, dtype=int)}, r'labels \(39,\)'),
        ({'labels': np.full(40, 4)}, 'labels 4 to 4, but 4 classes'),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict, message: str
) -> None:
    save(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        ImageArrays(data_root=str(tmp_path))


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='folder_to_arrays'):
        ImageArrays(data_root=str(tmp_path))
    (tmp_path / 'train.npz').write_bytes(b'PK\x03\x04 no archive')
    with pytest.raises(ValueError, match='not a file of image arrays'):
        ImageArrays(data_root=str(tmp_path))


def test_frames_are_near_copies_of_few_scenes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 256, (40, 2, 2, 3)).repeat(12, 1).repeat(12, 2)
    save(tmp_path, images=smooth.astype(np.uint8))
    source = {'type': 'ImageArrays', 'data_root': str(tmp_path)}
    frames = Frames(dataset=source, scenes=8, frames=5)
    assert len(frames) == 40
    labels = frames.get_gt_labels().reshape(8, 5)
    assert (labels == labels[:, :1]).all()
    assert np.bincount(labels[:, 0]).tolist() == [2, 2, 2, 2]
    images = np.stack([frames.get_data_info(i)['img'] for i in range(40)])
    images = images.astype(float).reshape(8, 5, -1)
    within = np.abs(images - images[:, :1])[:, 1:].mean()
    between = np.abs(images[:, :1] - images[::-1, :1]).mean()
    assert 0 < within < between
    again = Frames(dataset=source, scenes=8, frames=5)
    assert (again.get_data_info(3)['img'] == frames.get_data_info(3)['img']).all()


@pytest.mark.parametrize(('scenes', 'frames'), [(0, 5), (41, 1), (4, 0)])
def test_impossible_frames_are_refused(
    tmp_path: Path, scenes: int, frames: int
) -> None:
    save(tmp_path)
    source = {'type': 'ImageArrays', 'data_root': str(tmp_path)}
    with pytest.raises(ValueError, match='scenes'):
        Frames(dataset=source, scenes=scenes, frames=frames)
