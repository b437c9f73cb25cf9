"""An error names the part of the config that it comes from."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from PIL import Image

from cld_mm.config.failing_part import PartRecorder
from cld_mm.engine.runner import ResumableRunner
from cld_mm.registry import DATASETS, MODELS, TRANSFORMS
from tests.helpers.recipes import read_recipe


def locate(cfg: Config, work: Any) -> Any:
    recorder = PartRecorder(cfg)
    with recorder.recording(), pytest.raises(Exception) as found:  # noqa: PT011
        work()
    return recorder.locate(found.value)


def test_a_transform_among_several_of_its_type() -> None:
    cfg = read_recipe()
    view = cfg.train_dataloader.dataset.pipeline[0].transforms[0]
    place = next(n for n, part in enumerate(view) if 'RandomResizedCrop' in part.type)
    view[place].scale = (-1.4, -1.0)
    image = Image.new('L', (28, 28))
    found = locate(cfg, lambda: TRANSFORMS.build(view[place])({'img': image}))
    where = f'train_dataloader.dataset.pipeline[0].transforms[0][{place}] ('
    assert found.startswith(where)
    assert '-1.4' in found


def test_a_dataset_among_several_of_its_type(digits: Path) -> None:
    cfg = read_recipe()
    cfg.train_dataloader.dataset.data_root = str(digits)
    third = cfg.val_cfg.train_dataloader.dataset
    del third['data_root']
    found = locate(cfg, lambda: DATASETS.build(third))
    assert found.startswith('val_cfg.train_dataloader.dataset (')


@pytest.mark.parametrize('name', ['train_dataloader', 'val_dataloader'])
def test_a_dataloader_without_a_whole_batch(name: str, digits: Path) -> None:
    DefaultScope.get_instance('failing part', scope_name='cld_mm')
    cfg = read_recipe()
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.update(data_root=str(digits), indices=48)
        loader.batch_size, loader.drop_last = 49, True
    found = locate(cfg, lambda: ResumableRunner.build_dataloader(cfg[name], seed=0))
    assert found.startswith(f'{name} (')


def test_a_constructor_in_another() -> None:
    cfg = read_recipe()
    cfg.model.cld.grouping.num_groups = -1
    found = locate(cfg, lambda: MODELS.build(cfg.model))
    assert found.startswith('model.cld.grouping (')


def test_the_module_whose_forward_fails_and_not_its_twin() -> None:
    cfg = read_recipe('byol_r18_fashionmnist_10e')
    assert cfg.model.head.predictor.type == cfg.model.neck.type
    cfg.model.head.predictor.in_channels = 17
    views = [torch.rand(4, 1, 8, 8) for _ in range(2)]
    samples = [DataSample()] * 4
    found = locate(cfg, lambda: MODELS.build(cfg.model).loss(views, samples))
    assert found.startswith('model.head.predictor (')


def test_a_part_without_settings_is_at_no_fault() -> None:
    cfg = read_recipe('benchmarks/linear/linear_r18_fashionmnist')
    cfg.model.backbone.update(base_channels=4, stem_channels=4, init_cfg=None)
    assert cfg.model.neck == {'type': 'GlobalAveragePooling'}
    samples = [DataSample().set_gt_label(0)] * 2
    images = torch.rand(2, 1, 8, 8)
    found = locate(cfg, lambda: MODELS.build(cfg.model).loss(images, samples))
    assert found.startswith('model.head (')
    assert 'after model.backbone (' in found


def test_an_error_that_was_handled_is_not_named() -> None:
    cfg = read_recipe()

    def work() -> None:
        with suppress(ValueError):
            MODELS.build({**cfg.model.cld.grouping, 'num_groups': -1})
        raise RuntimeError('another')

    assert locate(cfg, work) == ''


def test_builders_are_as_before() -> None:
    before = MODELS.build_func
    locate(read_recipe(), lambda: MODELS.build({'type': 'NormMLP'}))
    assert MODELS.build_func is before
