"""to_shards.py: from folders and configs, with its flags; odd and broken files."""

import runpy
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cld_mm.datasets import TarShards
from cld_mm.registry import TRANSFORMS
from tests.helpers import ROOT

PIPELINE = [
    TRANSFORMS.build({'type': 'LoadImage'}),
    TRANSFORMS.build({'type': 'PackInputs', 'meta_keys': ['sample_idx']}),
]


def to_shards(monkeypatch: pytest.MonkeyPatch, *words: Any) -> Any:
    """The tool with these words; its exit code."""
    path = ROOT / 'tools/dataset_converters/to_shards.py'
    monkeypatch.setattr(sys, 'argv', ['to_shards.py', *map(str, words)])
    try:
        runpy.run_path(str(path), run_name='__main__')
    except SystemExit as end:
        return end.code
    return 0


@pytest.fixture
def pictures(tmp_path: Path) -> Any:
    """Folders of images: two classes, and one that is flat."""
    for number in range(6):
        for folder in (f'classes/{"ab"[number % 2]}', 'flat'):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            image = np.full((8, 8, 3), 40 * number, dtype=np.uint8)
            cv2.imwrite(str(tmp_path / folder / f'{number}.jpg'), image)
    return tmp_path


def test_to_shards_from_folders(
    pictures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = pictures / 'shards'
    words = ('--folder', pictures / 'classes', '--out', out, '--shard-size', 0.001)
    assert to_shards(monkeypatch, *words) == 0
    assert '6 images with labels in' in capsys.readouterr().out
    tars = sorted(out.glob('*.tar'))
    assert len(tars) > 1
    dataset = TarShards(str(out), pipeline=PIPELINE)
    assert dataset.metainfo['classes'] == ('a', 'b')
    for place in range(6):  # bytes and class are those of the file
        info = dataset.get_data_info(place)
        with open(info['shard'], 'rb') as file:
            file.seek(info['place'][0])
            data = file.read(info['place'][1])
        names = [p for p in (pictures / 'classes').rglob('*') if p.is_file()]
        source = next(p for p in names if p.read_bytes() == data)
        assert source.parent.name == 'ab'[info['gt_label']]
    again, other = pictures / 'again', pictures / 'other'
    assert to_shards(monkeypatch, *words[:3], again, *words[4:], '--seed', 0) == 0
    assert to_shards(monkeypatch, *words[:3], other, *words[4:], '--seed', 1) == 0
    same, changed = (
        [p.read_bytes() for p in sorted(f.glob('*.tar'))] for f in (again, other)
    )
    assert same == [p.read_bytes() for p in tars]  # --seed is of the order
    assert changed != same
    assert to_shards(monkeypatch, '--out', out, '--verify') == 0
    whole = tars[0].read_bytes()
    tars[0].write_bytes(whole[:600] + b'x' + whole[601:])
    assert to_shards(monkeypatch, '--out', out, '--verify') != 0
    assert 'SHA-256' in capsys.readouterr().err
    tars[0].write_bytes(whole)
    assert to_shards(monkeypatch, '--out', out, '--index') != 0  # there is one
    (out / 'index.json').unlink()
    assert to_shards(monkeypatch, '--out', out, '--index') == 0
    assert to_shards(monkeypatch, '--out', out, '--verify') == 0
    assert to_shards(monkeypatch, *words) != 0  # nothing is overwritten


def test_to_shards_from_a_flat_folder_or_a_config(
    pictures: Any,
    digits: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flat = ('--folder', pictures / 'flat', '--out', pictures / 'shards')
    assert to_shards(monkeypatch, *flat) == 0
    dataset = TarShards(str(pictures / 'shards'), pipeline=PIPELINE)
    assert len(dataset) == 6
    assert 'gt_label' not in dataset.get_data_info(0)
    config = pictures / 'config.py'
    config.write_text(
        "train_dataloader = dict(dataset=dict(type='CheckedFashionMNIST', "
        "split='train', "
        f'data_root={str(digits)!r}, indices=5, download=False))\n'
    )
    made = pictures / 'made'
    assert to_shards(monkeypatch, config, '--out', made) == 0
    assert len(TarShards(str(made))) == 5
    assert to_shards(monkeypatch, config, *flat[:2], '--out', pictures / 'x') != 0
    assert 'not both' in capsys.readouterr().err
    nowhere = ('--folder', pictures / 'nowhere', '--out', pictures / 'x')
    assert to_shards(monkeypatch, *nowhere) != 0
    assert 'is no folder' in capsys.readouterr().err


def test_odd_names_are_kept_out_of_shards_and_broken_files_named(
    pictures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (pictures / 'flat/1.jpg').read_bytes()
    odd = pictures / 'classes/ü b'
    odd.mkdir()
    for name in ('a.tar.jpg', 'new\nline.jpg', '__meta__.jpg', 'ü .JPEG', 'b.c.d.jpg'):
        (odd / name).write_bytes(data)
    words = ('--folder', pictures / 'classes', '--out', pictures / 'shards')
    assert to_shards(monkeypatch, *words) == 0
    dataset = TarShards(str(pictures / 'shards'), pipeline=PIPELINE)
    assert dataset.metainfo['classes'] == ('a', 'b', 'ü b')
    assert dataset.get_gt_labels().tolist().count(2) == 5
    # Cut in the header, cut in the picture, corrupt in its middle.
    scan = data.index(b'\xff\xda') + 20
    damaged = data[:scan] + b'\xff\xc4\x00\x00' + data[scan + 4 :]
    for number, broken in enumerate((data[:30], data[:-2], damaged)):
        (odd / 'a.tar.jpg').write_bytes(broken)
        words = (*words[:3], pictures / f'out_{number}')
        assert to_shards(monkeypatch, *words) != 0
        assert 'a.tar.jpg cannot be read as an image' in capsys.readouterr().err
        assert not words[3].exists()


@pytest.mark.parametrize('size', ['0', '-1', 'nan', 'inf'])
def test_a_shard_has_a_size(
    pictures: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    size: str,
) -> None:
    words = ('--folder', pictures / 'flat', '--out', pictures / 'shards')
    assert to_shards(monkeypatch, *words, '--shard-size', size) != 0
    assert '--shard-size is' in capsys.readouterr().err


def test_files_beside_the_classes_do_not_take_labels_away(
    pictures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('README.txt', '.hidden.jpg'):
        (pictures / 'classes' / name).write_text('x')
    words = ('--folder', pictures / 'classes', '--out')
    assert to_shards(monkeypatch, *words, pictures / 'shards') == 0
    assert 'with labels' in capsys.readouterr().out
    dataset = TarShards(str(pictures / 'shards'), pipeline=PIPELINE)
    assert dataset.metainfo['classes'] == ('a', 'b')
    # An image among them belongs to no class, and the last line says what follows.
    (pictures / 'flat/0.jpg').rename(pictures / 'classes/0.jpg')
    assert to_shards(monkeypatch, *words, pictures / 'mixed') == 0
    assert '7 images without labels' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('out', 'more', 'said'),
    [
        ('.', (), '. exists: remove it'),
        ('a_file/shards', (), 'a part of its path is a file'),
        ('new', ('--seed', '-1'), '--seed is -1: give'),
    ],
)
def test_what_cannot_be_made_is_named(
    pictures: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
    more: tuple,
    said: str,
) -> None:
    monkeypatch.chdir(pictures)
    (pictures / 'a_file').write_text('x')
    assert to_shards(monkeypatch, '--folder', 'flat', '--out', out, *more) != 0
    assert said in capsys.readouterr().err
