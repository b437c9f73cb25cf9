"""datasets on tiny trees of their layout; archives from a local server."""

import functools
import hashlib
import io
import pickle
import socketserver
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from cld_mm.datasets import STL10, ImageNetSubset
from cld_mm.datasets.preparation.archives import Archive, fetch_archive
from cld_mm.datasets.preparation.imagenet import move_into_folders, prepare_imagenet
from cld_mm.datasets.transforms import JigsawPatches
from cld_mm.fileio.download import SourceError
from cld_mm.registry import DATASETS
from tests.helpers import ROOT


def write_image(path: Path, seed: int, size: tuple = (40, 50)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    cv2.imwrite(str(path), pixels)


def image_tree(
    root: Any, splits: Any, classes: int = 3, images: int = 5, suffix: str = '.JPEG'
) -> None:
    for split in splits:
        for c in range(classes):
            for i in range(images):
                write_image(root / split / f'n0{c}' / f'n0{c}_{i}{suffix}', 10 * c + i)


def cifar(root: Any, hundred: Any) -> None:
    folder = root / ('cifar-100-python' if hundred else 'cifar-10-batches-py')
    folder.mkdir(parents=True)
    names = ['train', 'test'] if hundred else [f'data_batch_{i}' for i in range(1, 6)]
    for name in names + ([] if hundred else ['test_batch']):
        labels = list(range(10)) * 2
        content = {
            'data': np.random.randint(0, 256, (20, 3072), dtype=np.uint8),
            'fine_labels' if hundred else 'labels': labels,
        }
        (folder / name).write_bytes(pickle.dumps(content))
    meta = {'fine_label_names' if hundred else 'label_names': list('abcdefghij')}
    name = 'meta' if hundred else 'batches.meta'
    (folder / name).write_bytes(pickle.dumps(meta))


def stl10(root: Any) -> None:
    folder = root / 'stl10_binary'
    folder.mkdir(parents=True)
    for part, count in (('train', 10), ('test', 6), ('unlabeled', 7)):
        pixels = np.random.randint(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        (folder / f'{part}_X.bin').write_bytes(pixels.tobytes())
        if part != 'unlabeled':
            labels = np.arange(count, dtype=np.uint8) % 10 + 1
            (folder / f'{part}_y.bin').write_bytes(labels.tobytes())


LAYOUTS = {
    'cifar10_a32': lambda root: cifar(root, False),
    'cifar10_b32_erase': lambda root: cifar(root, False),
    'cifar100_a32': lambda root: cifar(root, True),
    'stl10_a96': stl10,
    'kitchen_hc_a32': lambda root: image_tree(root, ('train', 'test'), suffix='.png'),
    'imagenet_b224': lambda root: image_tree(root, ('train', 'val')),
    'imagenet_d224_jigsaw': lambda root: image_tree(root, ('train', 'val')),
    'imagenet_byol': lambda root: image_tree(root, ('train', 'val')),
    'imagenet_linear': lambda root: image_tree(root, ('train', 'val')),
}


def loaders_of(cfg: Any) -> list:
    found = [cfg.train_dataloader, cfg.test_dataloader]
    if cfg.get('test_cfg') and 'train_dataloader' in cfg.test_cfg:
        found.append(cfg.test_cfg.train_dataloader)
    return found


@pytest.mark.slow
@pytest.mark.parametrize('name', LAYOUTS)
def test_layout_loads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LAYOUTS[name](tmp_path)
    monkeypatch.setattr(
        'mmpretrain.datasets.cifar.CIFAR10._check_integrity', lambda self: True
    )
    cfg = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
    DefaultScope.get_instance(f'data-{name}', scope_name='cld_mm')
    for loader in loaders_of(cfg):
        loader.dataset.data_root = str(tmp_path)
        if (
            loader.dataset.type == 'CheckedImageNet'
        ):  # three classes instead of a thousand
            loader.dataset.update(type='ImageFolder', data_prefix=loader.dataset.split)
            loader.dataset.pop('split')
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        batch = next(iter(Runner.build_dataloader(loader, seed=0)))
        views = batch['inputs']
        views = views if isinstance(views, list) else [views]
        assert all(view.shape[:2] == (2, 3) for view in views)
        assert all(sample.gt_label.numel() == 1 for sample in batch['data_samples'])
    if name == 'cifar10_b32_erase':
        assert views[0].dtype == torch.uint8
        train = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
        assert train['augmentations'].shape == (2, 2, 20)
    if name == 'imagenet_d224_jigsaw':
        train = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
        assert [tuple(v.shape[2:]) for v in train['inputs']] == [
            (224, 224),
            (224, 224),
            (576, 64),
        ]


def test_stl10(tmp_path: Path) -> None:
    stl10(tmp_path)
    data = STL10(str(tmp_path), split='train+unlabeled')
    assert len(data) == 17
    assert data.get_gt_labels().tolist() == [*range(10), *[-1] * 7]
    raw = np.fromfile(tmp_path / 'stl10_binary/unlabeled_X.bin', np.uint8)
    image = raw.reshape(7, 3, 96, 96)[2]  # columns first in the file
    assert np.array_equal(data[12]['img'], image.transpose(2, 1, 0))
    with pytest.raises(ValueError, match='has the parts'):
        STL10(str(tmp_path), split='trian')
    with pytest.raises(FileNotFoundError, match=r'prepare.py stl10'):
        STL10(str(tmp_path / 'nowhere'))


def test_imagenet_subset_and_unlabeled_folder(tmp_path: Path) -> None:
    image_tree(tmp_path, ('train', 'val'))
    ids = tmp_path / 'ids.txt'
    ids.write_text('n02 n00 \n')
    data = ImageNetSubset(str(tmp_path), str(ids), split='val')
    assert data.metainfo['classes'] == ('n00', 'n02')
    assert data.get_gt_labels().tolist() == [0] * 5 + [1] * 5
    assert Path(data.get_data_info(9)['img_path']).name == 'n02_4.JPEG'
    with pytest.raises(FileNotFoundError, match='the class list names n09'):
        ImageNetSubset(str(tmp_path), ['n00', 'n09'])
    with pytest.raises(ValueError, match=r"'n00'.*more than once"):
        ImageNetSubset(str(tmp_path), ['n00', 'n00'])
    folder = DATASETS.build(
        {'type': 'ImageFolder', 'data_root': str(tmp_path), 'with_label': False}
    )
    assert len(folder) == 30


@pytest.mark.slow
def test_long_tail_and_fractions(tmp_path: Path) -> None:
    image_tree(tmp_path, ('train',), classes=3, images=20)
    whole = {'type': 'ImageFolder', 'data_root': str(tmp_path / 'train')}

    def build(kind: str, **settings: Any) -> Any:
        return DATASETS.build({'type': kind, 'dataset': dict(whole), **settings})

    tail = build('LongTailed', imbalance_factor=10)
    assert np.bincount(tail.get_gt_labels()).tolist() == [20, 6, 2]
    tenth = build('LabeledFraction', fraction=0.1)
    assert np.bincount(tenth.get_gt_labels()).tolist() == [2, 2, 2]
    assert len(build('LabeledFraction', fraction=0.001)) == 3  # one of each class

    def paths(data: Any) -> list:
        return [data.get_data_info(i)['img_path'] for i in range(len(data))]

    assert paths(tenth) == paths(build('LabeledFraction', fraction=0.1))
    assert paths(tenth) != paths(build('LabeledFraction', fraction=0.1, seed=1))
    listed = tmp_path / 'list.txt'
    listed.write_text('n01_3.JPEG\ntrain/n02/n02_0.JPEG 2\n')
    for kind in ('LabeledFraction', 'LongTailed'):
        names = [Path(p).name for p in paths(build(kind, list_file=str(listed)))]
        assert names == ['n01_3.JPEG', 'n02_0.JPEG']
    listed.write_text('3\n59\n')
    places = paths(build('LabeledFraction', list_file=str(listed)))
    assert [Path(p).name for p in places] == ['n00_11.JPEG', 'n02_9.JPEG']
    listed.write_text('60\n')
    with pytest.raises(ValueError, match='60, but the dataset has 60 images'):
        build('LabeledFraction', list_file=str(listed))
    listed.write_text('n09_0.JPEG\n')
    with pytest.raises(ValueError, match=r'n09_0.JPEG, which is not in'):
        build('LongTailed', list_file=str(listed))
    listed.write_text('n02/n01_3.JPEG\n')  # it is in another folder
    with pytest.raises(ValueError, match=r'n02/n01_3.JPEG, which is not in'):
        build('LongTailed', list_file=str(listed))
    listed.write_text('²\n')
    with pytest.raises(ValueError, match=r'², which is not in'):
        build('LongTailed', list_file=str(listed))
    for label, folder in enumerate(('n00', 'n01')):
        write_image(tmp_path / 'train' / folder / 'one name.JPEG', label)
    listed.write_text('train/n01/one name.JPEG\ntrain/n00/one name.JPEG 0\n')
    places = paths(build('LabeledFraction', list_file=str(listed)))
    assert [Path(p).parent.name for p in places] == ['n01', 'n00']
    listed.write_text('one name.JPEG\n')
    with pytest.raises(ValueError, match=r'2 images of the dataset are called so'):
        build('LabeledFraction', list_file=str(listed))
    with pytest.raises(ValueError, match='list_file None: give one'):
        build('LongTailed')
    with pytest.raises(ValueError, match=r'imbalance_factor is 0.5'):
        build('LongTailed', imbalance_factor=0.5)
    with pytest.raises(ValueError, match='fraction is 2'):
        build('LabeledFraction', fraction=2)


def test_jigsaw_patches() -> None:
    image = np.arange(30 * 30 * 3, dtype=np.int64).reshape(30, 30, 3)
    np.random.seed(0)
    tall = JigsawPatches(3, 8)({'img': image})['img']
    assert tall.shape == (72, 8, 3)
    cells = set()
    for patch in tall.reshape(9, 8, 8, 3):
        row, column = divmod(int(patch[0, 0, 0]) // 3, 30)
        assert np.array_equal(patch, image[row : row + 8, column : column + 8])
        assert row // 10 == (row + 7) // 10
        assert column // 10 == (column + 7) // 10
        cells.add((row // 10, column // 10))
    assert len(cells) == 9
    with pytest.raises(ValueError, match='smaller than patch_size 11'):
        JigsawPatches(3, 11)({'img': image})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / 'server'
    folder.mkdir()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with socketserver.TCPServer(('127.0.0.1', 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{running.server_address[1]}'
        running.shutdown()


def tar_of(path: Path, entries: Any) -> Any:
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_archive_is_fetched_checked_and_unpacked(tmp_path: Path, server: Any) -> None:
    folder, url = server
    md5 = tar_of(folder / 'set.tar.gz', {'inside/test': b'x'})
    archive = Archive(f'{url}/set.tar.gz', md5, 'Set', 'inside/test')
    assert 'is ready' in fetch_archive(archive, tmp_path / 'data')
    assert (tmp_path / 'data/Set/inside/test').read_bytes() == b'x'
    assert 'already' in fetch_archive(archive, tmp_path / 'data')
    with pytest.raises(SourceError, match='does not have the checksum md5:0'):
        fetch_archive(archive._replace(md5='0'), tmp_path / 'other')
    with pytest.raises(SourceError, match=r'cannot be downloaded .*404'):
        fetch_archive(archive._replace(url=f'{url}/no.tar'), tmp_path / 'third')
    assert not list((tmp_path / 'third/Set').iterdir())
    with pytest.raises(SourceError, match='not https'):
        fetch_archive(archive._replace(url='http://example.org/a'), tmp_path / 'x')
    md5 = tar_of(folder / 'evil.tar.gz', {'../../escaped': b'x'})
    evil = Archive(f'{url}/evil.tar.gz', md5, 'Evil', 'escaped')
    with pytest.raises(SourceError, match='cannot be unpacked'):
        fetch_archive(evil, tmp_path / 'data')
    assert not list(tmp_path.rglob('escaped'))


def test_imagenet_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match=r'ILSVRC2012_img_train.tar is missing'):
        prepare_imagenet(tmp_path)
    (tmp_path / 'train').mkdir()
    for number in (1, 2, 3):
        write_image(tmp_path / f'val/ILSVRC2012_val_0000000{number}.JPEG', number)
    with pytest.raises(SourceError, match='devkit'):
        prepare_imagenet(tmp_path)
    torch.save(({}, ['n01', 'n02', 'n01']), tmp_path / 'meta.bin')
    assert prepare_imagenet(tmp_path) == [
        '3 validation images moved into class folders.'
    ]
    assert (tmp_path / 'val/n01/ILSVRC2012_val_00000003.JPEG').is_file()
    assert 'ready already' in prepare_imagenet(tmp_path)[0]
    with pytest.raises(SourceError, match='none of the 1 validation images'):
        move_into_folders([tmp_path / 'x_2.JPEG'], ['n01'])
