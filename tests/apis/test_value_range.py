"""Files of more than 8 bits: one range of values for all, that of training if known."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cld_mm.apis import embed, init_model
from cld_mm.apis.embed_images import model_inputs
from cld_mm.apis.encoder import Encoder
from cld_mm.apis.image_inputs import ImageInputs
from cld_mm.cli.main import main

SIZE = 16


@pytest.fixture(scope='module')
def model() -> Encoder:
    return init_model('resnet18', size=SIZE)


def write(folder: Path, levels: dict[str, int]) -> list[Path]:
    """Images of one gray level each, as 16-bit files."""
    paths = []
    for name, level in levels.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((SIZE, SIZE), level, np.uint16))
        paths.append(path)
    return paths


def levels(images: ImageInputs) -> list[int]:
    found = []
    for index in range(len(images)):
        image, _ = images[index]
        assert image is not None
        found.append(round(float(image.float().mean())))
    return found


# Alone, the first suggests 8 bits, the second 12.
FILES = {'a/1.png': 200, 'b/2.png': 4000}
WANTED = [round(level / 4095 * 255) for level in FILES.values()]


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('form', ['folder', 'paths', 'list'])
def test_all_files_share_one_range(form: str, channels: int, tmp_path: Path) -> None:
    paths = write(tmp_path, FILES)
    (tmp_path / 'list.txt').write_text('\n'.join(FILES))
    forms = {'folder': tmp_path, 'paths': paths, 'list': tmp_path / 'list.txt'}
    assert levels(ImageInputs(forms[form], SIZE, channels)) == WANTED


def test_several_folders_share_one_range(tmp_path: Path) -> None:
    from cld_mm.datasets.image_source import build_image_dataset

    write(tmp_path, FILES)
    dataset = build_image_dataset(
        [tmp_path / 'a', tmp_path / 'b'], pipeline=[{'type': 'LoadImage'}]
    )
    assert levels(ImageInputs(dataset, SIZE)) == WANTED
    assert [round(dataset[i]['img'].mean()) for i in range(2)] == WANTED
    assert dataset.metainfo['value_range'] == (0, 4095)  # what a checkpoint stores


def test_the_range_of_training_comes_first(tmp_path: Path, model: Encoder) -> None:
    write(tmp_path, FILES)
    model.value_range = 0, 8000
    try:
        found = levels(model_inputs(model, tmp_path, (0, 4095)))
    finally:
        model.value_range = None
    assert found == [round(level / 8000 * 255) for level in FILES.values()]


@pytest.mark.parametrize('command', ['knn', 'linear'])
def test_test_images_have_the_range_of_training_images(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # By their own range the test images of 'dark' would be as bright as 'bright'.
    train = {f'train/dark/{i}.png': 200 + i for i in range(8)}
    train |= {f'train/bright/{i}.png': 3800 + i for i in range(8)}
    test = {f'test/dark/{i}.png': 250 - i for i in range(4)}
    write(tmp_path / 'data', train | test)
    torch.manual_seed(0)
    backbone = init_model('resnet18', size=SIZE).backbone
    torch.save(
        {'state_dict': {f'backbone.{k}': v for k, v in backbone.state_dict().items()}},
        tmp_path / 'net.pth',
    )
    arguments = [command, str(tmp_path / 'net.pth'), str(tmp_path / 'data')]
    main([*arguments, '--size', str(SIZE)] + (['--k', '3'] if command == 'knn' else []))
    assert 'top-1 100.00 %' in capsys.readouterr().out


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize(
    'image',
    [
        np.full((8, 8), 4000, np.uint16),
        np.full((8, 8, 3), -0.5, np.float32),
        np.full((8, 8, 3), np.nan),
        torch.full((3, 8, 8), 1000.0),
    ],
)
def test_values_that_are_no_levels_are_refused(image: object, channels: int) -> None:
    with pytest.raises(ValueError, match='expected 0 to 255'):
        ImageInputs([image], SIZE, channels)[0]


def test_a_deep_image_of_pillow_is_refused(tmp_path: Path, model: Encoder) -> None:
    from PIL import Image

    [path] = write(tmp_path, {'1.png': 4000})
    with pytest.raises(ValueError, match='expected 0 to 255'):
        embed(model, Image.open(path))


def test_fractions_are_levels(model: Encoder) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3))
    whole, fractions = levels.astype(np.uint8), levels / 255
    features = embed(model, [whole, fractions, fractions.astype(np.float32)]).features
    np.testing.assert_allclose(features, features[[0, 0, 0]], rtol=1e-5)
