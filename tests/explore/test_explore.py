"""explore: tables, the page's data, and settings that cannot work."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cld_mm.apis.embeddings import Embeddings
from cld_mm.apis.explore_images import explore

COUNT = 24


@pytest.fixture
def embeddings(tmp_path: Path) -> Embeddings:
    """24 small images, two of them equal and one unreadable, in two classes."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(COUNT):
        path = tmp_path / f'image {number} <b>&.png'
        pixels = np.full((20, 30, 3), number * 10, dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        files.append(str(path))
    Path(files[7]).write_bytes(b'no image')
    features = rng.normal(size=(COUNT, 6)).astype(np.float32)
    features[1] = features[0]
    return Embeddings(features, files, ['a', 'b', ''] * 8)


def data_of(page: Path) -> dict:
    text = page.read_text().split('<script id="data" type="application/json">')[1]
    return json.loads(text.split('</script>')[0])


def test_every_table_is_a_csv_file(embeddings: Embeddings, tmp_path: Path) -> None:
    found = explore(embeddings, tmp_path / 'out', num_select=5)
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert names == {'explore.html', *(f'{name}.csv' for name in found.tables)}
    for name, table in found.tables.items():
        with (tmp_path / f'out/{name}.csv').open(newline='') as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == list(table)
        assert len(rows) == len(next(iter(table.values())))


def test_rows_name_files_and_classes(embeddings: Embeddings, tmp_path: Path) -> None:
    tables = explore(embeddings, tmp_path / 'out', num_select=5).tables
    assert tables['images']['file'] == embeddings.files
    assert tables['images']['label'] == embeddings.labels
    assert set(tables['duplicates']['file']) == set(embeddings.files[:2])
    assert len(set(tables['subset']['file'])) == 5
    assert set(tables['groups']['name']) <= {'a', 'b'}
    sizes = zip(tables['groups']['method'], tables['groups']['size'], strict=True)
    assert sum(size for method, size in sizes if method == 'kmeans') == COUNT


def test_the_page_shows_all_images(embeddings: Embeddings, tmp_path: Path) -> None:
    found = explore(embeddings, tmp_path / 'out')
    assert found.page is not None
    data = data_of(found.page)
    assert data['files'] == embeddings.files
    assert found.unreadable == 1
    assert len(data['neighbors'][0]) == 10
    assert data['neighbors'][0][0] == 1
    assert data['duplicates'][0]['members'] == [0, 1]


def test_file_names_cannot_act_on_the_page(
    embeddings: Embeddings, tmp_path: Path
) -> None:
    page = explore(embeddings, tmp_path / 'out').page
    assert page is not None
    assert '<b>&' not in page.read_text()


def test_a_page_of_few_thumbnails_shows_the_findings(
    embeddings: Embeddings, tmp_path: Path
) -> None:
    found = explore(embeddings, tmp_path / 'out', max_thumbnails=9, levels=[2])
    assert found.page is not None
    data = data_of(found.page)
    assert len(data['files']) == 9
    assert len(data['neighbors'][0]) == 8
    assert max(max(row) for row in data['neighbors']) < 9
    assert all(group['members'] for group in data['levels'][0]['groups'])
    assert len(found.tables['images']['file']) == COUNT


def test_files_of_embeddings_are_read(embeddings: Embeddings, tmp_path: Path) -> None:
    path = embeddings.save(tmp_path / 'embeddings.npz')
    found = explore(path, tmp_path / 'out')
    assert found.classes == embeddings.labels


def test_relative_names_start_from_the_given_folder(
    embeddings: Embeddings, tmp_path: Path
) -> None:
    names = [Path(file).name for file in embeddings.files]
    short = Embeddings(embeddings.features, names)
    found = explore(short, tmp_path / 'out', image_root=tmp_path)
    assert found.unreadable == 1
    assert found.tables['images']['file'] == names


def test_the_same_seed_gives_the_same_tables(
    embeddings: Embeddings, tmp_path: Path
) -> None:
    one, two = (explore(embeddings, tmp_path / name, seed=3) for name in 'ab')
    assert one.tables == two.tables


@pytest.mark.parametrize('count', [3, 4, 5, 9])
def test_few_images_can_be_explored(count: int, tmp_path: Path) -> None:
    features = np.random.default_rng(count).normal(size=(count, 3))
    few = Embeddings(features, [f'{i}.png' for i in range(count)])
    found = explore(few, tmp_path)
    assert len(found.tables['images']['file']) == count


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        ({'num_select': 0}, 'num_select is 0'),
        ({'num_outliers': 0}, 'num_outliers 0'),
        ({'levels': [0, 3]}, r'levels are \[0, 3\]'),
        ({'levels': [99]}, 'between 1 and 24'),
        ({'duplicate_threshold': 2}, 'duplicate_threshold is 2'),
        ({'map_method': 'globe'}, "map is 'globe'"),
        ({'max_thumbnails': 0}, 'max_thumbnails must be at least 1'),
    ],
)
def test_impossible_settings_are_named_and_nothing_is_written(
    settings: dict, said: str, embeddings: Embeddings, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        explore(embeddings, tmp_path / 'out', **settings)
    assert not (tmp_path / 'out').exists()


def test_two_images_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='2 images are too few'):
        explore(Embeddings(np.eye(2), ['a', 'b']), tmp_path / 'out')
