"""Images that are skipped are counted in one warning that says what reads them."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from cld_mm.datasets import ImageFolder, folder_listing, folders
from cld_mm.datasets.image_source import build_image_dataset


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the datasets log."""
    lines: list[str] = []
    for module in (folder_listing, folders):
        monkeypatch.setattr(module, 'print_log', lambda text, *_: lines.append(text))
    return lines


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three images in class folders."""
    for name in ('bee/0', 'bee/1', 'cat/0'):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (4, 4)).save(path)
    return tmp_path


def test_nothing_is_said_of_other_files(images: Path, said: list[str]) -> None:
    for name in ('notes.txt', '.hidden.png', 'Thumbs.db', 'labels.csv'):
        (images / 'bee' / name).touch()
    assert len(ImageFolder(str(images))) == 3
    assert said == []


def test_all_formats_that_can_be_read_are_taken(images: Path, said: list[str]) -> None:
    for number, suffix in enumerate(('.webp', '.gif', '.tiff', '.JPG', '.avif')):
        Image.new('RGB', (4, 4)).save(images / f'cat/x{number}{suffix}')
    assert len(ImageFolder(str(images))) == 8
    assert said == []


@pytest.mark.parametrize(
    ('suffix', 'module', 'advice'),
    [
        ('.heic', 'pillow_heif', 'pip install pillow-heif'),
        ('.dcm', 'pydicom', 'pip install pydicom'),
        ('.CR2', 'rawpy', 'pip install rawpy'),
        ('.psd', None, 'convert them to PNG or JPEG'),
    ],
)
def test_what_would_read_a_skipped_image(
    images: Path, said: list[str], suffix: str, module: str | None, advice: str
) -> None:
    if module and find_spec(module):
        pytest.skip(f'{module} is installed')
    for number in range(2):
        (images / f'bee/{number}{suffix}').touch()
    assert len(ImageFolder(str(images))) == 3
    assert len(said) == 1
    assert f'2 {suffix.lower()} (such as bee/0{suffix}: {advice})' in said[0]


def test_extensions_that_the_dataset_does_not_take(
    images: Path, said: list[str]
) -> None:
    Image.new('RGB', (4, 4)).save(images / 'cat/x.webp')
    assert len(ImageFolder(str(images), extensions=('.png',))) == 3
    assert "1 .webp (such as cat/x.webp: add '.webp' to the extensions" in said[0]


def test_loose_images_beside_class_folders_are_counted(
    images: Path, said: list[str]
) -> None:
    for number in range(2):
        Image.new('RGB', (4, 4)).save(images / f'loose{number}.png')
    assert len(ImageFolder(str(images))) == 3
    assert '2 of 5 images' in said[0]
    assert 'such as loose0.png' in said[0]
    assert len(ImageFolder(str(images), with_label=False)) == 5


def test_a_flat_folder_read_with_labels_names_the_setting(tmp_path: Path) -> None:
    Image.new('RGB', (4, 4)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='set with_label=False'):
        ImageFolder(str(tmp_path))


def test_a_described_folder_is_warned_about_once(images: Path, said: list[str]) -> None:
    (images / 'bee/0.psd').touch()
    assert len(build_image_dataset(images)) == 3
    assert len(said) == 1
