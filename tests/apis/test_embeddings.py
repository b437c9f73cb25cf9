"""Embeddings come back from every file format as they were saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cld_mm.apis.embeddings import Embeddings

NAMES = st.text(
    st.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(['.npz', '.csv']),
    st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_saved_embeddings_load_unchanged(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    names: Any,
    width: Any,
    labeled: Any,
    seed: int,
) -> None:
    scale = np.float32(10.0) ** np.random.default_rng(seed).integers(-30, 30)
    features = np.random.default_rng(seed).normal(size=(len(names), width)) * scale
    files, labels = zip(*names, strict=True)
    saved = Embeddings(features, list(files), list(labels) if labeled else None)
    path = tmp_path_factory.mktemp('saved') / f'x{suffix}'
    loaded = Embeddings.load(saved.save(path))
    assert np.array_equal(loaded.features, saved.features)
    assert loaded.files == saved.files
    assert loaded.labels == saved.labels
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_parquet_loads_unchanged(tmp_path: Path) -> None:
    pytest.importorskip('pyarrow', reason='pyarrow is an extra')
    saved = Embeddings(np.eye(3, 2), ['a', 'b', 'c'], ['cat', '', 'dog'])
    loaded = Embeddings.load(saved.save(tmp_path / 'x.parquet'))
    assert np.array_equal(loaded.features, saved.features)
    assert (loaded.files, loaded.labels) == (saved.files, saved.labels)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'pyarrow', None)
    with pytest.raises(ImportError, match='pip install pyarrow'):
        Embeddings(np.eye(2), ['a', 'b']).save(tmp_path / 'x.parquet')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('suffix', ['.npz', '.csv'])
def test_file_names_that_are_not_utf8_survive(suffix: str, tmp_path: Path) -> None:
    saved = Embeddings(np.eye(1), ['a\udcff.jpg'])
    assert Embeddings.load(saved.save(tmp_path / f'x{suffix}')).files == saved.files


@pytest.mark.parametrize(
    ('features', 'files', 'labels', 'said'),
    [
        (np.zeros(3), ['a'] * 3, None, r'shape \(N, C\)'),
        (np.zeros((3, 2)), ['a'], None, '1 files'),
        (np.zeros((3, 2)), ['a'] * 3, ['x'], '1 labels'),
    ],
)
def test_parts_of_other_lengths_are_refused(
    features: Any, files: list, labels: list | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Embeddings(features, files, labels)


@pytest.mark.parametrize(
    ('name', 'content', 'said'),
    [
        ('x.csv', 'path,f0\na,1\n', "no column 'file'"),
        ('x.csv', 'file,f0\na,1,2\n', 'line 2 has 3 columns'),
        ('x.csv', 'file,f0\na,b\n', 'could not convert'),
        ('x.npz', 'no archive', 'does not hold embeddings'),
        ('x.txt', '', '.npz, .csv, .parquet'),
    ],
)
def test_other_files_are_refused(
    name: str, content: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=said):
        Embeddings.load(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.npz'):
        Embeddings.load(tmp_path / 'none.npz')


def test_taken_images_keep_names_and_labels() -> None:
    whole = Embeddings(np.arange(6).reshape(3, 2), ['a', 'b', 'c'], ['x', 'y', ''])
    part = whole.take(np.array([2, 0]))
    assert part.files == ['c', 'a']
    assert part.labels == ['', 'x']
    assert part.features.tolist() == [[4, 5], [0, 1]]
