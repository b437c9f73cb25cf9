"""Images of five bands and 12 bits, from pre-training to features and a classifier."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cld_mm.apis import embed, export_backbone, init_model, pretrain
from cld_mm.apis.finetune_images import finetune
from cld_mm.apis.image_inputs import fit_bands, to_bands
from cld_mm.apis.pretrain_images import Pretrained

BANDS = 5


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('bands')
    rng = np.random.default_rng(0)
    for name in ('ape', 'bee'):
        (folder / name).mkdir()
        for number in range(6):
            pixels = rng.integers(0, 4096, (20, 24, BANDS)).astype(np.uint16)
            np.save(folder / name / f'{number}.npy', pixels)
    return folder


@pytest.fixture(scope='module')
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    return pretrain(
        folder,
        tmp_path_factory.mktemp('out') / 'run',
        backbone='resnet18',
        size=16,
        epochs=1,
        batch_size=4,
        workers=0,
        report=lambda line: None,
    )


def test_training_takes_all_bands(run: Pretrained) -> None:
    state = torch.load(run.checkpoint, weights_only=False)['state_dict']
    assert state['backbone.conv1.weight'].shape[1] == BANDS


def test_features_depend_on_every_band_and_on_depth(
    run: Pretrained, folder: Path
) -> None:
    model = init_model(run.checkpoint)
    found = embed(model, folder)
    assert found.features.shape == (12, 512)
    assert found.labels == ['ape'] * 6 + ['bee'] * 6
    image = np.full((16, 16, BANDS), 100.0, np.float32)
    image[::2] += 50
    changed = [image.copy() for _ in range(BANDS + 1)]
    for band in range(BANDS):
        changed[band][::3, :, band] += 20
    changed[BANDS][::3] += 0.3  # less than a level of 8 bits
    features = embed(model, [image, *changed]).features
    assert (np.abs(features[1:] - features[0]).max(axis=1) > 0).all()


def test_a_classifier_takes_all_bands(
    run: Pretrained, folder: Path, tmp_path: Path
) -> None:
    done = finetune(run.checkpoint, folder, tmp_path / 'out', epochs=1, workers=0)
    state = torch.load(done, weights_only=False)['state_dict']
    assert state['backbone.conv1.weight'].shape[1] == BANDS


def test_the_export_takes_all_bands(run: Pretrained, tmp_path: Path) -> None:
    export_backbone(run.checkpoint, tmp_path / 'backbone.pt2', to='torch-export')
    assert (tmp_path / 'backbone.pt2').stat().st_size > 0


def test_images_of_other_bands_are_refused(run: Pretrained) -> None:
    with pytest.raises(ValueError, match='3 bands: the backbone takes 5'):
        embed(run.checkpoint, [np.zeros((20, 20, 3), np.uint8)])


def test_bands_are_resized_as_pillow_does() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    size = 21
    scale = size * 256 / 224 / 40
    sides = round(60 * scale), round(40 * scale)
    left, top = (sides[0] - size) // 2, (sides[1] - size) // 2
    wanted = Image.fromarray(pixels).resize(sides, Image.Resampling.BILINEAR)
    wanted = wanted.crop((left, top, left + size, top + size))
    found = fit_bands(to_bands(pixels), size)[0]
    assert np.abs(found.numpy() - np.asarray(wanted, np.float32)).max() <= 1


def test_one_band_keeps_its_depth(tmp_path: Path) -> None:
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 4096, (20, 20))
        Image.fromarray(pixels.astype(np.uint16)).save(tmp_path / f'{number}.png')
    run = pretrain(
        tmp_path,
        tmp_path / 'run',
        backbone='resnet18',
        size=16,
        epochs=1,
        batch_size=4,
        workers=0,
        in_channels=1,
        report=lambda line: None,
    )
    model = init_model(run.checkpoint)
    assert model.in_channels == 1
    assert embed(model, sorted(tmp_path.glob('*.png'))).features.shape == (8, 512)
