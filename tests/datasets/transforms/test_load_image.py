"""LoadImage names, skips and counts broken files."""

import logging
import warnings
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import DataLoader

from cld_mm.datasets import ImageFolder
from cld_mm.datasets.loading_settings import report_skipped_images
from cld_mm.datasets.transforms import LoadImage


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / 'bad.png'
    path.write_bytes(b'no image')
    return path


@pytest.mark.parametrize('name', ['bad.png', 'missing.png'])
def test_a_broken_file_stops_with_its_path(bad: Path, name: str) -> None:
    with pytest.raises(OSError, match=f'{name} cannot be read as an image'):
        LoadImage()({'img_path': str(bad.with_name(name))})


def test_a_file_that_is_broken_in_each_epoch_counts_once(bad: Path) -> None:
    load = LoadImage(on_error='skip', max_skips=1)
    with pytest.warns(UserWarning, match=r'bad.png .* skipped, number 1'):
        assert load({'img_path': str(bad)}) is None
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for _ in range(5):
            assert load({'img_path': str(bad)}) is None


def test_too_many_broken_files_end_the_run(tmp_path: Path) -> None:
    load = LoadImage(on_error='skip', max_skips=2)
    for number in (1, 2):
        with pytest.warns(UserWarning, match=f'number {number}'):
            load({'img_path': str(tmp_path / f'{number}.png')})
    for _ in range(2):  # and again, if somebody catches that
        with pytest.raises(OSError, match='number 3, more than max_skips 2'):
            load({'img_path': str(tmp_path / '3.png')})


def test_an_error_of_the_program_is_no_broken_image(
    bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError('a wrong argument')

    monkeypatch.setattr('cld_mm.datasets.transforms.load_image.decode_image', fail)
    with pytest.raises(TypeError, match='a wrong argument'):
        LoadImage(on_error='skip')({'img_path': str(bad)})


def test_skipped_files_are_listed_once_at_the_end(
    bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        Image.new('RGB', (4, 4)).save(bad.with_name(f'{number}.png'))
    pipeline = [{'type': 'LoadImage', 'on_error': 'skip'}, {'type': 'PackInputs'}]
    with DefaultScope.overwrite_default_scope('cld_mm'):
        dataset = ImageFolder(str(bad.parent), with_label=False, pipeline=pipeline)
    loader = DataLoader(dataset, 1, num_workers=2, collate_fn=list)
    for _ in range(3):
        assert len(list(loader)) == 5
    said: list[str] = []
    monkeypatch.setattr(
        'cld_mm.datasets.loading_settings.print_log',
        lambda text, logger, level: said.append(f'{level} {text}'),
    )
    report_skipped_images(dataset)
    assert said == [f'{logging.WARNING} 1 broken images were skipped:\n  {bad}']


@pytest.mark.parametrize(
    ('settings', 'reason'),
    [
        ({'on_error': 'ignore'}, "on_error is 'ignore'"),
        ({'max_skips': -1}, 'max_skips -1'),
        ({'max_pixels': 0}, 'max_pixels is 0'),
        ({'bands': 'bgr'}, "bands is 'bgr'"),
        ({'value_range': (5, 5)}, r'value_range is \(5, 5\)'),
        ({'smallest_crop': (0, 0.2)}, r'smallest_crop is \(0, 0.2\)'),
    ],
)
def test_invalid_settings(settings: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LoadImage(**settings)
