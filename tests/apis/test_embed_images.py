"""embed gives the same features of an image in whatever form it comes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from cld_mm.apis import Embeddings, embed, embed_images, init_model
from cld_mm.apis.encoder import Encoder, same_network

SIZE = 32


@pytest.fixture(scope='module')
def model() -> Encoder:
    torch.manual_seed(0)
    return init_model('resnet18', size=SIZE)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('images')
    generator = np.random.default_rng(0)
    for name in ('ape', 'bee'):
        (root / name).mkdir()
        for number in range(2):
            pixels = generator.integers(0, 256, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f'{number}.png')
    return root


class Pairs(Dataset):
    """Images with class indices, as torchvision's datasets are."""

    classes = ('ape', 'bee')

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        path = self.files[index]
        return Image.open(path), self.classes.index(path.parent.name)


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.glob('*/*.png'))


FORMS = {
    'paths': lambda files: files,
    'strings': lambda files: [str(file) for file in files],
    'PIL': lambda files: [Image.open(file) for file in files],
    'arrays': lambda files: [np.array(Image.open(file)) for file in files],
    'batch': lambda files: np.stack([np.array(Image.open(file)) for file in files]),
    'tensor': lambda files: torch.stack(
        [torch.from_numpy(np.array(Image.open(f))).permute(2, 0, 1) for f in files]
    ),
    'floats': lambda files: torch.stack(
        [
            torch.from_numpy(np.array(Image.open(f))).permute(2, 0, 1) / 255
            for f in files
        ]
    ),
    'dataset': Pairs,
}


@pytest.mark.parametrize('form', FORMS)
def test_every_form_gives_the_same_features(
    form: str, model: Encoder, folder: Path
) -> None:
    wanted = embed(model, folder).features
    found = embed(model, FORMS[form](files_of(folder)))
    np.testing.assert_allclose(found.features, wanted, rtol=1e-4, atol=1e-4)


def test_a_folder_gives_paths_and_class_names(model: Encoder, folder: Path) -> None:
    found = embed(model, folder)
    assert found.files == [str(file) for file in files_of(folder)]
    assert found.labels == ['ape', 'ape', 'bee', 'bee']


def test_a_dataset_gives_its_class_names(model: Encoder, folder: Path) -> None:
    assert embed(model, Pairs(files_of(folder))).labels == ['ape', 'ape', 'bee', 'bee']


def test_one_image_is_a_batch_of_one(model: Encoder, folder: Path) -> None:
    image = Image.open(files_of(folder)[0])
    assert embed(model, image).features.shape == (1, 512)


def test_several_workers_keep_the_order(model: Encoder, folder: Path) -> None:
    one, two = embed(model, folder), embed(model, folder, batch_size=1, workers=2)
    assert one.files == two.files
    np.testing.assert_allclose(one.features, two.features, rtol=1e-4, atol=1e-4)


def test_the_features_are_those_of_the_network(model: Encoder, folder: Path) -> None:
    pixels = torch.from_numpy(
        np.array(Image.open(files_of(folder)[0]).resize((44, 37)))
    )
    image = pixels[2:34, 6:38].permute(2, 0, 1)[None]  # resized to 37, cropped to 32
    found = embed(model, Image.fromarray(image[0].permute(1, 2, 0).numpy()))
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    with torch.no_grad():
        wanted = model.backbone((image - mean) / std)[-1].mean(dim=(2, 3))
    torch.testing.assert_close(torch.from_numpy(found.features), wanted)


def test_embeddings_are_saved_and_loaded(
    model: Encoder, folder: Path, tmp_path: Path
) -> None:
    found = embed(model, folder)
    again = Embeddings.load(found.save(tmp_path / 'e.npz'))
    assert again.files == found.files


@pytest.mark.parametrize(
    ('images', 'text'),
    [
        ([], 'no images'),
        (np.zeros((4, 4, 7), np.uint8), 'shape'),
        (np.full((8, 8, 3), 300.0), 'expected 0 to 255'),
        (torch.zeros(1, 2, 3, 4, 5), 'expected 3 or 4 axes'),
    ],
)
def test_what_is_no_image_is_refused(images: object, text: str, model: Encoder) -> None:
    with pytest.raises(ValueError, match=text):
        embed(model, images)


def test_the_same_network_with_other_weights(model: Encoder, tmp_path: Path) -> None:
    torch.save(model.backbone.state_dict(), tmp_path / 'weights.pth')
    random = same_network(model, None, seed=1)
    loaded = same_network(random, tmp_path / 'weights.pth')
    first = model.backbone.conv1.weight
    assert not torch.equal(random.backbone.conv1.weight, first)
    assert torch.equal(loaded.backbone.conv1.weight, first)


def test_a_missing_checkpoint_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r'runs/none\.pth does not exist'):
        init_model('runs/none.pth')


def test_files_that_cannot_be_read_are_left_out(
    model: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(embed_images, 'print_log', lambda text, *_: said.append(text))
    for name in ('ape/0', 'ape/1', 'bee/0', 'bee/1'):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (9, 9), (len(name), 3, int(name[-1]) * 90)).save(path)
    whole = embed(model, tmp_path)
    (tmp_path / 'ape/1.png').write_bytes(b'no image')
    found = embed(model, tmp_path)
    assert found.labels == ['ape', 'bee', 'bee']
    assert [Path(file).name for file in found.files] == ['0.png', '0.png', '1.png']
    np.testing.assert_allclose(found.features, whole.features[[0, 2, 3]], atol=1e-5)
    assert '1 of 4 images could not be read' in said[0]
    assert 'ape/1.png' in said[0]


def test_a_batch_is_one_tensor_without_the_broken() -> None:
    image = torch.ones(3, 2, 2)
    images, labels, broken = embed_images.collate(
        [(image, 'ape'), (None, 'it is cut short'), (image, 'bee')]
    )
    assert images is not None
    assert images.shape == (2, 3, 2, 2)
    assert labels == ['ape', None, 'bee']
    assert broken == {1: 'it is cut short'}
    assert embed_images.collate([(None, 'cut')])[0] is None


def test_a_folder_of_broken_files_is_refused(model: Encoder, tmp_path: Path) -> None:
    (tmp_path / '0.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match='no image could be read'):
        embed(model, tmp_path)
