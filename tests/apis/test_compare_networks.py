"""compare: embeddings are matched by file, labels by path."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cld_mm.apis.compare_networks import compare, match_labels
from cld_mm.apis.embeddings import Embeddings

FILES = [f'/data/{kind}/{i}.jpg' for kind in ('cat', 'dog') for i in range(40)]


def embeddings(signal: float, seed: int) -> Embeddings:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.eye(2, 6), 40, axis=0)
    return Embeddings(signal * truth + rng.normal(size=(80, 6)), FILES)


def write_labels(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([('file', 'label'), *rows])
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    rows = [('/'.join(f.split('/')[2:]), f.split('/')[2]) for f in FILES]
    return write_labels(tmp_path / 'labels.csv', rows[::-1])


def test_the_better_network_is_named(labels: Path) -> None:
    found = compare(embeddings(6, 0), embeddings(0, 1), labels, names=('new', 'random'))
    assert found.num_images == 80
    assert str(found).splitlines()[-1].endswith('better')
    assert 'random' in str(found).splitlines()[0]


def test_the_order_of_the_second_network_does_not_matter(labels: Path) -> None:
    one, two = embeddings(2, 0), embeddings(1, 1)
    other = two.take(np.random.default_rng(0).permutation(80))
    assert compare(one, two, labels).rows == compare(one, other, labels).rows


def test_labels_can_come_with_the_embeddings(tmp_path: Path) -> None:
    one = embeddings(3, 0)
    one.labels = [file.split('/')[2] for file in FILES]
    one.save(tmp_path / 'one.npz')
    embeddings(0, 1).save(tmp_path / 'two.npz')
    found = compare(tmp_path / 'one.npz', tmp_path / 'two.npz')
    found.save(tmp_path / 'rows.csv')
    with (tmp_path / 'rows.csv').open() as file:
        assert [float(row['fraction']) for row in csv.DictReader(file)] == [
            row.fraction for row in found.rows
        ]


def test_unlabeled_embeddings_are_refused() -> None:
    with pytest.raises(ValueError, match='no image is labeled'):
        compare(embeddings(1, 0), embeddings(1, 1))


def test_images_that_the_second_network_lacks_are_named(labels: Path) -> None:
    with pytest.raises(
        ValueError, match=r'40 labeled images, such as /data/dog/0\.jpg'
    ):
        compare(embeddings(1, 0), embeddings(1, 1).take(range(40)), labels)


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('cat/1.jpg', '/data/cat/1.jpg'),
        ('/data/cat/1.jpg', 'cat/1.jpg'),
        ('./cat/1.jpg', 'cat/1.jpg'),
        ('1.jpg', '/data/cat/1.jpg'),
        ('cat\\1.jpg', '/data/cat/1.jpg'),
    ],
)
def test_paths_match_by_their_ends(name: str, file: str, tmp_path: Path) -> None:
    path = write_labels(tmp_path / 'labels.csv', [(name, 'x'), ('other.jpg', 'y')])
    assert match_labels([file, '/data/none.jpg'], path) == ['x', '']


def test_the_longest_end_decides(tmp_path: Path) -> None:
    rows = [('cat/1.jpg', 'cat'), ('dog/1.jpg', 'dog')]
    path = write_labels(tmp_path / 'labels.csv', rows)
    files = ['/a/dog/1.jpg', '/a/cat/1.jpg', '/a/cow/1.jpg']
    assert match_labels(files, path) == ['dog', 'cat', '']


def test_a_name_that_fits_two_images_is_refused(tmp_path: Path) -> None:
    path = write_labels(tmp_path / 'labels.csv', [('1.jpg', 'x')])
    with pytest.raises(ValueError, match='write longer paths'):
        match_labels(['/a/1.jpg', '/b/1.jpg'], path)


def test_a_file_of_that_name_elsewhere_is_another_image(tmp_path: Path) -> None:
    rows = [('cat/1.jpg', 'cat'), ('dog/2.jpg', 'dog')]
    path = write_labels(tmp_path / 'labels.csv', rows)
    assert match_labels(['/a/cow/1.jpg', '/a/dog/2.jpg'], path) == ['', 'dog']


def test_a_file_named_twice(tmp_path: Path) -> None:
    rows = [('cat/1.jpg', 'cat'), ('cat/1.jpg', 'cat')]
    path = write_labels(tmp_path / 'labels.csv', rows)
    assert match_labels(['/a/cat/1.jpg'], path) == ['cat']
    path = write_labels(tmp_path / 'labels.csv', [*rows, ('cat/1.jpg', 'dog')])
    with pytest.raises(ValueError, match=r'2 labels for /a/cat/1\.jpg: cat, dog'):
        match_labels(['/a/cat/1.jpg'], path)


def test_labels_of_other_images_are_refused(tmp_path: Path) -> None:
    path = write_labels(tmp_path / 'labels.csv', [('z.png', 'x')])
    with pytest.raises(ValueError, match='names none of the 2 images'):
        match_labels(['a.jpg', 'b.jpg'], path)
    with pytest.raises(FileNotFoundError, match=r'none\.csv'):
        match_labels(['a.jpg'], tmp_path / 'none.csv')
