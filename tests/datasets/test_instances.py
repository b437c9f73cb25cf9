"""Retrieval by instance: numbers from a list or from paths, and what is found."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.datasets import CustomDataset
from PIL import Image

from cld_mm.datasets import assign_object_ids
from tools.evaluate import instance_retrieval


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    for name in ('cup/a_view0', 'cup/b_view1', 'cup/a_view2', 'pan/a_view0'):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (4, 4)).save(path)
    return tmp_path


def objects(folder: Path, pattern: Any = None) -> Any:
    metainfo = {'instance_pattern': pattern} if pattern else None
    return CustomDataset(str(folder), metainfo=metainfo, pipeline=[])


def test_a_path_names_its_object(folder: Path) -> None:
    one = objects(folder, r'(\w+)/(\w)_view')
    (found,) = assign_object_ids(one)  # cup a, cup a, cup b, pan a
    assert found.tolist() == [0, 0, 1, 2]
    twice = assign_object_ids(one, one.get_subset([2, 0]))
    assert twice[1].tolist() == [1, 0]
    assert assign_object_ids(objects(folder)) is None
    with pytest.raises(ValueError, match='finds no group'):
        assign_object_ids(objects(folder, '(b)_view'))


def test_a_list_names_its_objects(tmp_path: Path) -> None:
    class Listed(list):
        get_data_info = list.__getitem__

    one = Listed([{'gt_instance': 'x'}, {'gt_instance': 7}])
    two = Listed([{'gt_instance': 7}, {'gt_instance': 'y'}])
    assert [t.tolist() for t in assign_object_ids(one, two)] == [[0, 1], [1, 2]]


def test_a_data_set_without_objects_is_not_walked() -> None:
    asked = []

    class Plain(list):
        def get_data_info(self, place: Any) -> Any:
            asked.append(place)
            return self[place]

    many = Plain([{'img_path': 'a.png'}] * 9)
    named = Plain([{'gt_instance': 'x'}, {'img_path': 'b.png'}])
    assert assign_object_ids(many, many) is None
    assert asked == [0]
    assert assign_object_ids(named) is None  # not every image has one


def test_the_tool_asks_for_the_same_object() -> None:
    train, test = torch.eye(4), torch.eye(4)[[0, 0, 1, 1]]
    there = [torch.arange(4), torch.tensor([0, 0, 1, 1])]
    assert instance_retrieval(train, test, None) == {}
    found = instance_retrieval(train, test, there)
    assert found['instance_precision@1'] == found['instance_map'] == 1
    # Where the training images show other objects, among the test images.
    elsewhere = [torch.arange(4) + 9, torch.tensor([0, 0, 1, 1])]
    found = instance_retrieval(train, test, elsewhere)
    assert found['instance_recall@1'] == 1
    assert found['instance_queries'] == 4
    alone = [torch.arange(4) + 9, torch.arange(4)]
    assert instance_retrieval(train, test, alone) == {}
    assert json.dumps(found)
