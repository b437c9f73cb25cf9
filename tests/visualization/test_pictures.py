"""Pictures: what is in them, and that names and odd features do no harm."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cld_mm.fileio.training_logs import read_run
from cld_mm.visualization import (
    group_members,
    plot_confusion,
    plot_curves,
    plot_embedding,
    plot_neighbors,
    plot_rows,
    plot_similarity,
    project,
    similarity_maps,
)
from cld_mm.visualization.style import (
    COLORS,
    MARKERS,
    color_of,
    distinct,
    marker_of,
    plain,
)

NAMES = ['$x_1', '_hidden', 'кошка', 'a & b <i>', 'n' * 80]


def write_log(work_dir: Path, start: Any, records: Any) -> None:
    folder = work_dir / start / 'vis_data'
    folder.mkdir(parents=True)
    lines = [json.dumps(record) for record in records]
    (folder / 'scalars.json').write_text('\n'.join(lines))


def steps(first: Any, last: Any, value: Any) -> list:
    return [{'loss': value, 'iter': i, 'step': i} for i in range(first, last + 1)]


def test_a_resumed_run_is_one_curve(tmp_path: Path) -> None:
    evaluated = {'knn_backbone/top1': 50.0, 'step': 1}
    records = [*steps(1, 4, 9.0), evaluated, *steps(5, 6, 9.0)]
    write_log(tmp_path, '20260101_000000', records)
    # Resumed from iteration 4, so what came after it is made again.
    write_log(tmp_path, '20260101_000100', [*steps(5, 8, 1.0), evaluated])
    # A test of a checkpoint in the same work dir is no part of the training's curves.
    write_log(tmp_path, '20260101_000200', [{'knn_backbone/top1': 99.0, 'step': 0}])
    curves = read_run(tmp_path)
    assert curves['loss'] == ([1, 2, 3, 4, 5, 6, 7, 8], [9.0] * 4 + [1.0] * 4)
    assert curves['knn_backbone/top1'] == ([4, 8], [50.0, 50.0])


def test_a_run_that_was_started_anew_forgets_the_old(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', steps(1, 9, 9.0))
    write_log(tmp_path, '20260101_000100', steps(1, 3, 1.0))
    assert read_run(tmp_path)['loss'] == ([1, 2, 3], [1.0] * 3)


def test_a_log_without_a_known_name_is_an_error(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', [{'weight': 1.0, 'step': 1}])
    with pytest.raises(ValueError, match='nothing to draw'):
        plot_curves(tmp_path, tmp_path / 'curves.png')


def drawings(folder: Path) -> dict:
    """Each plot once, with names that mean harm to matplotlib."""
    rng = np.random.default_rng(0)
    labels = np.arange(50) % 5
    places = rng.normal(size=(50, 2))
    images = rng.integers(0, 255, (5, 2, 8, 8), dtype=np.uint8)
    right = np.ones((5, 2), dtype=bool)
    photo = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    maps = (torch.rand(3, 4), torch.rand(2, 2) - 0.5)
    logs = {name: folder / f'run{place}' for place, name in enumerate(NAMES)}
    for path in logs.values():
        write_log(path, '20260101_000000', steps(1, 20, 1.0))
    title = NAMES[0]
    return {
        'embedding': lambda out: plot_embedding(places, labels, NAMES, out, title),
        'confusion': lambda out: plot_confusion(np.eye(5), NAMES, out, title),
        'curves': lambda out: plot_curves(logs, out),
        'rows': lambda out: plot_rows(list(images), NAMES, out, title, NAMES[:2]),
        'neighbors': lambda out: plot_neighbors(
            images[:, 0], NAMES, (images, right), (images, ~right), out
        ),
        'similarity': lambda out: plot_similarity(
            (photo, photo[..., :1]), maps, 0.5, out, (NAMES[0], NAMES[3])
        ),
    }


@pytest.mark.parametrize(
    'kind', ['embedding', 'confusion', 'curves', 'rows', 'neighbors', 'similarity']
)
def test_text_in_svg_is_text(kind: str, tmp_path: Path) -> None:
    out = tmp_path / 'picture.svg'
    drawings(tmp_path)[kind](out)
    text = out.read_text()
    assert '$x_1</text>' in text
    assert '<i>' not in text
    if kind != 'similarity':
        assert '_hidden</text>' in text
        assert 'кошка</text>' in text


@pytest.mark.parametrize('number', [1, 21, 100])
def test_any_number_of_classes_is_named(number: int, tmp_path: Path) -> None:
    names = [f'class {place}' for place in range(number)]
    labels = np.arange(200) % number
    places = np.random.default_rng(0).normal(size=(200, 2))
    plot_embedding(places, labels, names, tmp_path / 'embedding.svg')
    plot_confusion(np.eye(number, dtype=int), names, tmp_path / 'confusion.svg')
    for kind in ('embedding', 'confusion'):
        text = (tmp_path / f'{kind}.svg').read_text()
        assert all(f'>{name}</text>' in text for name in names), kind


def test_each_of_a_hundred_classes_looks_its_own() -> None:
    number = len(COLORS) * len(MARKERS)
    assert number > 100
    assert len({(color_of(n), marker_of(n)) for n in range(number)}) == number


def test_long_names_keep_both_ends() -> None:
    name = plain('a' * 50 + 'b' * 50, 11)
    assert name == 'aaaaa…bbbbb'
    alike = [f'{"a" * 50}{place}{"b" * 50}' for place in range(100)]
    assert len(set(distinct(alike, 12))) == 100
    assert distinct(['cat', 'dog']) == ['cat', 'dog']


@pytest.mark.parametrize('method', ['tsne', 'pca'])
def test_embeddings_of_odd_features_are_finite(method: str) -> None:
    same = np.ones((12, 4), dtype=np.float32)
    assert np.isfinite(project(same, method)).all()
    assert np.isfinite(project(np.zeros((5, 4), np.float32), method)).all()
    three = np.eye(3, 4, dtype=np.float32)
    assert project(three, method).shape == (3, 2)
    with pytest.raises(ValueError, match='1 of 3 features are not finite'):
        project(np.where(np.arange(3)[:, None] == 1, np.nan, three), method)
    with pytest.raises(ValueError, match='at least 3'):
        project(three[:1], method)


def test_progress_is_told_and_nothing_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('cld_mm.visualization.progress.SECONDS', 0)
    project(np.random.default_rng(0).normal(size=(40, 8)))
    printed = capsys.readouterr()
    assert printed.out == ''
    assert 't-SNE:' in printed.err
    assert '/1000' in printed.err


def two_clouds(number: int = 60) -> Any:
    features = np.random.default_rng(0).normal(size=(number, 8)).astype(np.float32)
    features[: number // 2, 0] += 20
    features[number // 2 :, 1] += 20
    return features


@pytest.mark.parametrize('method', ['tsne', 'umap'])
def test_clouds_stay_apart(method: str) -> None:
    if method == 'umap':
        pytest.importorskip('umap', reason='umap-learn is an extra')
    places = project(two_clouds(), method)
    one, two = places[:30], places[30:]
    gap = np.linalg.norm(one.mean(axis=0) - two.mean(axis=0))
    assert gap > 2 * max(one.std(), two.std())
    if method == 'umap':
        assert project(two_clouds(4), method).shape == (4, 2)


def test_missing_umap_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'umap', None)
    with pytest.raises(ImportError, match='pip install umap-learn'):
        project(two_clouds(), 'umap')


def test_maps_sum_to_the_cosine() -> None:
    one, two = torch.randn(5, 3, 4), torch.randn(5, 2, 2)
    first, second, cosine = similarity_maps(one, two)
    expected = F.cosine_similarity(one.mean((1, 2)), two.mean((1, 2)), dim=0)
    for value in (first.sum(), second.sum(), torch.tensor(cosine)):
        assert value == pytest.approx(float(expected), abs=1e-5)


def test_members_go_from_most_to_least_central() -> None:
    features = F.normalize(torch.randn(30, 6), dim=1).numpy()
    groups = np.arange(30) % 3
    for group, rows in group_members(features, groups, 10).items():
        center = features[groups == group].mean(axis=0)
        cosine = features[rows] @ center
        assert sorted(rows) == [i for i in range(30) if i % 3 == group]
        assert (np.diff(cosine) <= 1e-6).all()
