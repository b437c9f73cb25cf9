"""Whatever form a user's images have, they become a dataset."""

import json
import tarfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from cld_mm.datasets import build_image_dataset
from cld_mm.datasets.labels import has_labels, read_labels


@pytest.fixture(autouse=True)
def _scope() -> Iterator[None]:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        yield


def save(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8), (shade, 0, 0)).save(path)


def encoded(shade: int) -> bytes:
    file = BytesIO()
    Image.new('RGB', (8, 8), (shade, 0, 0)).save(file, 'PNG')
    return file.getvalue()


def test_flat_folder(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f'{number}.png')
    dataset = build_image_dataset(tmp_path)
    assert len(dataset) == 3
    assert not has_labels(dataset)


def test_class_folders(tmp_path: Path) -> None:
    for name in ('bee', 'cat'):
        save(tmp_path / name / 'x.png')
    dataset = build_image_dataset(tmp_path)
    assert list(dataset.metainfo['classes']) == ['bee', 'cat']
    assert not has_labels(build_image_dataset(tmp_path, with_label=False))


def test_nested_folders(tmp_path: Path) -> None:
    for name in ('2023/01/a', '2023/02/b', '2024/c'):
        save(tmp_path / f'{name}.png')
    dataset = build_image_dataset(str(tmp_path))
    assert len(dataset) == 3
    assert not has_labels(dataset)


def test_of_splits_training_is_taken(tmp_path: Path) -> None:
    for split, images in (('train', 2), ('val', 1)):
        for name in ('bee', 'cat'):
            for number in range(images):
                save(tmp_path / split / name / f'{number}.png')
    dataset = build_image_dataset(tmp_path)
    assert read_labels(dataset).tolist() == [0, 0, 1, 1]


def test_several_folders(tmp_path: Path) -> None:
    save(tmp_path / 'one/bee/x.png')
    save(tmp_path / 'one/cat/x.png')
    save(tmp_path / 'two/x.png')
    dataset = build_image_dataset([tmp_path / 'one', tmp_path / 'two'])
    assert len(dataset) == 3
    assert not has_labels(dataset)


def test_several_folders_with_classes(tmp_path: Path) -> None:
    for name in ('one/bee', 'one/cat', 'two/ape', 'two/cat'):
        save(tmp_path / name / 'x.png')
    dataset = build_image_dataset([tmp_path / 'one', tmp_path / 'two'])
    assert list(dataset.metainfo['classes']) == ['bee', 'cat', 'ape']
    assert read_labels(dataset).tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    ('name', 'text', 'labeled'),
    [
        ('list.txt', 'a.png\nsub dir/b.png\n', False),
        ('list.txt', 'a.png bee\nsub dir/b.png cat\n', True),
        ('list.csv', 'path\na.png\nsub dir/b.png\n', False),
        ('list.csv', 'id,filename,label\n7,a.png,bee\n8,sub dir/b.png,cat\n', True),
        ('list.csv', 'a.png,bee\nsub dir/b.png,cat\n', True),
        ('list.tsv', 'image\tclass\na.png\tbee\nsub dir/b.png\tcat\n', True),
    ],
)
def test_lists(tmp_path: Path, name: str, text: str, labeled: bool) -> None:
    save(tmp_path / 'a.png')
    save(tmp_path / 'sub dir/b.png')
    (tmp_path / name).write_text(text)
    dataset = build_image_dataset(tmp_path / name)
    assert len(dataset) == 2
    assert has_labels(dataset) == labeled
    if labeled:
        assert list(dataset.metainfo['classes']) == ['bee', 'cat']
    assert Path(dataset.get_data_info(1)['img_path']).is_file()


def test_a_csv_without_labels_says_which_column_is_missing(tmp_path: Path) -> None:
    (tmp_path / 'list.csv').write_text('path,color\na.png,red\n')
    with pytest.raises(ValueError, match='columns path, color, but none for labels'):
        build_image_dataset(tmp_path / 'list.csv', with_label=True)


def test_tar_shards(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / 'shard-0.tar', 'w') as tar:
        for number in range(2):
            info = tarfile.TarInfo(f'{number}.png')
            info.size = len(encoded(number))
            tar.addfile(info, BytesIO(encoded(number)))
    for data in (tmp_path, tmp_path / 'shard-0.tar'):
        assert len(build_image_dataset(data)) == 2


@pytest.mark.skipif(find_spec('pyarrow') is None, reason='needs pyarrow')
@pytest.mark.parametrize('kind', ['parquet', 'arrow'])
def test_hugging_face_files(tmp_path: Path, kind: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    features = {'label': {'names': ['bee', 'cat'], '_type': 'ClassLabel'}}
    table = pa.table(
        {
            'image': [{'bytes': encoded(n), 'path': f'{n}.png'} for n in range(3)],
            'label': [1, 0, 1],
        }
    ).replace_schema_metadata(
        {'huggingface': json.dumps({'info': {'features': features}})}
    )
    if kind == 'parquet':
        parquet.write_table(table, tmp_path / 'train-00000-of-00001.parquet')
    else:
        path = str(tmp_path / 'data-00000-of-00001.arrow')
        with (
            pa.OSFile(path, 'wb') as sink,
            pa.ipc.new_stream(sink, table.schema) as out,
        ):
            out.write_table(table)
    dataset = build_image_dataset(tmp_path, pipeline=[{'type': 'LoadImage'}])
    assert list(dataset.metainfo['classes']) == ['bee', 'cat']
    assert read_labels(dataset).tolist() == [1, 0, 1]
    assert [int(sample['img'][0, 0, 2]) for sample in dataset] == [0, 1, 2]


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (lambda root: root / 'gone', 'does not exist'),
        (lambda root: root, 'has no readable images'),
        (lambda root: [], 'names no folder'),
        (lambda root: _touch(root / 'x.doc'), 'neither a folder nor a list'),
    ],
)
def test_bad_sources(tmp_path: Path, make: Callable, reason: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        build_image_dataset(make(tmp_path))


def _touch(path: Path) -> Path:
    path.touch()
    return path


def test_labels_that_are_needed_are_asked_for(tmp_path: Path) -> None:
    save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='1 images without class folders'):
        build_image_dataset(tmp_path, with_label=True)
