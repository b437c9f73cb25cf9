"""Classes are compared by name, whatever numbers a split gives them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.registry import DefaultScope
from PIL import Image

from cld_mm.datasets import align_classes, read_class_names
from cld_mm.datasets.labels import read_labels
from cld_mm.registry import DATASETS

JUNK = ('__MACOSX', '@eaDir', '.ipynb_checkpoints', 'lost+found', '.hidden')


@pytest.fixture(autouse=True)
def _scope() -> Iterator[None]:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        yield


def save(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8), (shade, 0, 0)).save(path)


def tree(root: Any, classes: Any, images: int = 2) -> Any:
    for name in classes:
        for number in range(images):
            save(root / name / f'{number}.png', number)
    return root


def names_of_images(dataset: Any, names: Any) -> list:
    """The class name of each image, by its label."""
    return [None if n < 0 else names[n] for n in read_labels(dataset)]


def names_of_paths(dataset: Any) -> list:
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    return [path.split('/')[-2] for path in paths]


def build(kind: str, root: Any, **others: Any) -> Any:
    return DATASETS.build({'type': kind, 'data_root': str(root), **others})


FORMS = {
    'folder': lambda root: build('ImageFolder', root),
    'mmpretrain': lambda root: build('CustomDataset', root),
    'concat': lambda root: DATASETS.build(
        {'type': 'SeededConcatDataset', 'datasets': [folder(root), folder(root)]}
    ),
    'mmengine concat': lambda root: DATASETS.build(
        {'type': 'SeededConcatDataset', 'datasets': [folder(root), folder(root)]}
    ),
    'repeat': lambda root: DATASETS.build(
        {'type': 'SeededRepeatDataset', 'times': 2, 'dataset': folder(root)}
    ),
    'balanced': lambda root: DATASETS.build(
        {
            'type': 'SeededClassBalancedDataset',
            'oversample_thr': 1e-3,
            'dataset': folder(root),
        }
    ),
    'fraction': lambda root: DATASETS.build(
        {'type': 'LabeledFraction', 'fraction': 0.5, 'dataset': folder(root)}
    ),
    'held out': lambda root: DATASETS.build(
        {'type': 'HeldOut', 'part': 'fit', 'fraction': 0.5, 'dataset': folder(root)}
    ),
    'list': lambda root: listed(root),
    'unserialized': lambda root: build('ImageFolder', root, serialize_data=False),
}


def folder(root: Any) -> dict:
    return {'type': 'ImageFolder', 'data_root': str(root)}


def listed(root: Any) -> Any:
    paths = sorted(root.glob('*/*.png'))
    lines = [f'{p.relative_to(root)} {p.parent.name}' for p in paths]
    (root / 'list.txt').write_text('\n'.join(lines))
    return build('ImageFolder', root, ann_file='list.txt')


@pytest.mark.parametrize('form', FORMS)
def test_labels_of_any_dataset_follow_the_names_of_training(
    tmp_path: Path, form: str
) -> None:
    train = tree(tmp_path / 'train', ['ape', 'bee', 'cat'])
    test = tree(tmp_path / 'test', ['bee', 'cat'])
    names = read_class_names(FORMS['folder'](train))
    dataset = FORMS[form](test)
    assert read_labels(dataset).min() == 0
    aligned = align_classes(dataset, names)
    assert names_of_images(aligned, names) == names_of_paths(dataset)
    assert list(aligned.metainfo['classes']) == names
    again = read_labels(align_classes(aligned, names))
    assert np.array_equal(again, read_labels(aligned))


@pytest.mark.slow
@pytest.mark.parametrize('form', FORMS)
def test_unknown_classes_are_numbered_behind_the_known_ones(
    tmp_path: Path, form: str
) -> None:
    dataset = FORMS[form](tree(tmp_path, ['ape', 'bee', 'cat']))
    paths = names_of_paths(dataset)
    aligned = align_classes(dataset, ['bee', 'cat'])
    assert names_of_images(aligned, ['bee', 'cat', 'ape']) == paths
    assert len(aligned) == len(paths)


@pytest.mark.slow
@pytest.mark.parametrize('form', FORMS)
def test_unknown_classes_can_be_excluded(tmp_path: Path, form: str) -> None:
    dataset = FORMS[form](tree(tmp_path, ['ape', 'bee', 'cat']))
    paths = [name for name in names_of_paths(dataset) if name != 'ape']
    aligned = align_classes(dataset, ['bee', 'cat'], 'exclude')
    assert names_of_images(aligned, ['bee', 'cat']) == paths
    assert list(aligned.metainfo['classes']) == ['bee', 'cat']


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    train=st.sets(st.sampled_from('abcdef'), min_size=1),
    test=st.sets(st.sampled_from('abcdef'), min_size=1),
)
def test_any_two_class_lists_are_matched_by_name(
    tmp_path_factory: pytest.TempPathFactory, train: Any, test: Any
) -> None:
    root = tree(tmp_path_factory.mktemp('images'), test, images=1)
    with DefaultScope.overwrite_default_scope('cld_mm'):
        dataset = build('ImageFolder', root)
    names = sorted(train)
    if not train & test:
        with pytest.raises(ValueError, match='no name in common'):
            align_classes(dataset, names)
        return
    aligned = align_classes(dataset, names)
    every = names + sorted(test - train)
    assert names_of_images(aligned, every) == names_of_paths(dataset)


@pytest.mark.parametrize('junk', JUNK)
@pytest.mark.parametrize('kind', ['ImageFolder', 'CustomDataset'])
@pytest.mark.parametrize('filled', [True, False])
def test_junk_folders_are_no_classes(
    tmp_path: Path, junk: str, kind: str, filled: bool
) -> None:
    tree(tmp_path, ['ape', 'bee', 'zoo'])
    (tmp_path / junk).mkdir()
    if filled:
        save(tmp_path / junk / 'thumb.png')
    dataset = DATASETS.build(
        {'type': 'AlignedClasses', 'dataset': {**folder(tmp_path), 'type': kind}}
    )
    names = ['ape', 'bee', 'zoo']
    assert list(dataset.metainfo['classes']) == names
    assert names_of_images(dataset, names) == [n for n in names for _ in range(2)]


@pytest.mark.parametrize('kind', ['ImageFolder', 'CustomDataset'])
def test_empty_class_folders_are_no_classes(tmp_path: Path, kind: str) -> None:
    tree(tmp_path, ['bee', 'cat'])
    (tmp_path / 'ape').mkdir()
    dataset = DATASETS.build(
        {'type': 'AlignedClasses', 'dataset': {**folder(tmp_path), 'type': kind}}
    )
    assert list(dataset.metainfo['classes']) == ['bee', 'cat']
    assert read_labels(dataset).tolist() == [0, 0, 1, 1]


def test_given_classes_are_matched_to_folders_by_name(tmp_path: Path) -> None:
    tree(tmp_path, ['bee', 'cat'], images=1)
    names = ['cat', 'ape', 'bee']
    dataset = build('ImageFolder', tmp_path, metainfo={'classes': names})
    assert read_labels(dataset).tolist() == [2, 0]


def test_other_names_for_all_folders_count_in_order(tmp_path: Path) -> None:
    tree(tmp_path, ['n01', 'n02'], images=1)
    dataset = build('ImageFolder', tmp_path, metainfo={'classes': ['tench', 'shark']})
    assert read_labels(dataset).tolist() == [0, 1]


def test_folders_that_the_given_classes_lack_are_named(tmp_path: Path) -> None:
    tree(tmp_path, ['bee', 'dgo'], images=1)
    with pytest.raises(ValueError, match='such as dgo, are not among the 2 names'):
        build('ImageFolder', tmp_path, metainfo={'classes': ['bee', 'dog']})


def test_concatenated_datasets_with_other_classes_share_one_list(
    tmp_path: Path,
) -> None:
    one = tree(tmp_path / 'one', ['bee', 'cat'])
    two = tree(tmp_path / 'two', ['ape', 'cat'])
    dataset = DATASETS.build(
        {'type': 'SeededConcatDataset', 'datasets': [folder(one), folder(two)]}
    )
    names = ['bee', 'cat', 'ape']
    assert list(dataset.metainfo['classes']) == names
    assert names_of_images(dataset, names) == names_of_paths(dataset)


def test_numbers_are_not_compared_with_names(tmp_path: Path) -> None:
    dataset = build('ImageFolder', tree(tmp_path, ['bee', 'cat']))
    with pytest.raises(ValueError, match='class numbers without names'):
        align_classes(dataset, [])


def test_unlabeled_images_and_unknown_labels_stay(tmp_path: Path) -> None:
    dataset = build('ImageFolder', tree(tmp_path, ['bee']), with_label=False)
    assert align_classes(dataset, ['cat', 'dog']) is dataset
    assert 'gt_label' not in dataset.get_data_info(0)


def test_names_that_occur_twice_are_told_apart(tmp_path: Path) -> None:
    tree(tmp_path, ['a', 'b', 'c'], images=1)
    classes = ['crane', 'ox', 'crane']
    dataset = build('ImageFolder', tmp_path, metainfo={'classes': classes})
    aligned = align_classes(dataset, ['ox', 'crane', 'crane'])
    assert read_labels(aligned).tolist() == [1, 0, 2]


def test_views_in_memory_are_renumbered(digits: Path) -> None:
    inner = {'type': 'CheckedFashionMNIST', 'data_root': str(digits), 'indices': 20}
    dataset = DATASETS.build(
        {'type': 'InMemoryViews', 'dataset': inner, 'num_views': 1, 'size': 28}
    )
    old, names = dataset.labels.tolist(), list(dataset.metainfo['classes'])
    align_classes(dataset, names[::-1])
    assert dataset.labels.tolist() == [9 - label for label in old]
    assert read_labels(dataset).tolist() == dataset.labels.tolist()
