"""Every config builds; package metadata keep their promises."""

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from cld_mm.config.check_values import check_config
from cld_mm.registry import MODELS, TRANSFORMS
from cld_mm.visualization import plot_curves
from tests.helpers import ROOT

CONFIGS = sorted(
    path
    for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'mmdetection'} & set(path.parts)
)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path: Any) -> None:
    cfg = Config.fromfile(path)
    cfg.launcher = 'none'
    check_config(cfg)
    DefaultScope.get_instance(f'test-{path.stem}', scope_name='cld_mm')
    # Large weights without their numbers: drawing them takes long.
    with torch.device('meta' if 'vit' in path.stem else 'cpu'):
        model = MODELS.build(cfg.model)
    dataset = cfg.train_dataloader.dataset
    pipeline = dataset.get('dataset', dataset).get('pipeline', [])
    found = [sum(step['num_views']) for step in pipeline if 'num_views' in step]
    found = [dataset.num_views] if dataset.type == 'InMemoryViews' else found
    views = 8 if 'swav' in path.stem else getattr(model, 'num_views', 2)
    wanted = [views] if 'benchmarks' not in path.parts else []
    assert found == wanted
    for step in pipeline:
        TRANSFORMS.build(step)
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert 'Run: ' in docstring or 'matched' in docstring


@pytest.mark.parametrize(
    'path', [p for p in CONFIGS if 'fashionmnist' in p.stem], ids=lambda path: path.stem
)
def test_config_for_a_cpu_runs_one_iteration(path: Any, digits: Path) -> None:
    cfg = Config.fromfile(path)
    DefaultScope.get_instance(f'run-{path.stem}', scope_name='cld_mm')
    loader = cfg.train_dataloader
    dataset = loader.dataset.get('dataset', loader.dataset)
    dataset.update(data_root=str(digits), indices=32)
    loader.batch_size = 8
    if 'num_images' in cfg.model:
        cfg.model.num_images = 32
    cfg.model.backbone = cfg.model.get('backbone')
    if isinstance(cfg.model.backbone, dict):
        cfg.model.backbone.pop('init_cfg', None)
    else:
        del cfg.model['backbone']
    model = MODELS.build(cfg.model)
    for encoder in getattr(model, 'momentum_encoders', list)():
        encoder.total_steps = 1
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad], lr=0.1
    )
    before = [p.detach().clone() for p in model.parameters()]
    logs = model.train_step(batch, OptimWrapper(optimizer))
    assert logs['loss'].isfinite()
    assert any(
        not torch.equal(one, two)
        for one, two in zip(before, model.parameters(), strict=True)
    )


def test_every_recipe_is_documented() -> None:
    pages = {'scaling': 'scaling', 'cpu': 'evidence'}
    for path in CONFIGS:
        page = pages.get(path.parent.name, 'reference/configs')
        text = (ROOT / f'docs/{page}.md').read_text()
        assert f'`{path.stem}`' in text or 'benchmarks' in path.parts, path


def test_main_recipe_is_the_papers_row() -> None:
    cfg = Config.fromfile(ROOT / 'configs/mocov2_cld_r50_200e.py')
    cld, wrapper = cfg.model.cld, cfg.optim_wrapper
    assert (
        cld.loss_weight,
        cld.loss.temperature,
        cld.grouping.num_groups,
        cld.grouping.num_iters,
    ) == (0.25, 0.4, 120, 5)
    assert (wrapper.type, wrapper.dtype) == ('PortableAmpOptimWrapper', 'float16')
    assert dict(wrapper.optimizer) == {
        'type': 'SGD',
        'lr': 0.2,
        'momentum': 0.9,
        'weight_decay': 1e-4,
    }
    assert cfg.train_dataloader.batch_size * 8 == 512
    assert (cfg.model.queue_len, cfg.model.momentum) == (65536, 0.001)
    assert 'NormMLP' in (cfg.model.neck.type, cfg.model.neck.get('projection'))
    assert cfg.train_cfg.max_epochs == 200


def test_requirements_name_no_mmcv_and_pin_all() -> None:
    folder = ROOT / 'requirements'
    pinned = (folder / 'constraints.txt').read_text().lower().replace('_', '-')
    for name in ('core', 'tests', 'mmcv_lite'):
        for line in (folder / f'{name}.txt').read_text().splitlines():
            package = line.split('>=')[0]
            assert f'\n{package}==' in pinned, package
            assert name == 'mmcv_lite' or not package.startswith('mmcv')


def test_curves_are_drawn(tmp_path: Path) -> None:
    log = tmp_path / 'scalars.json'
    log.write_text(
        '{"loss": 2.0, "loss_cld": 1.0, "iter": 1, "step": 1}\n'
        '{"knn_backbone/top1": 50.0, "step": 1}\n'
    )
    plot_curves(log, tmp_path / 'curves.png')
    assert (tmp_path / 'curves.png').read_bytes()[:4] == b'\x89PNG'


def test_metafiles_say_what_the_recipes_are() -> None:
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    for name in index['Import']:
        metafile = yaml.safe_load((ROOT / name).read_text())
        named = {collection['Name'] for collection in metafile['Collections']}
        for model in metafile['Models']:
            cfg = Config.fromfile(ROOT / model['Config'])
            assert model['In Collection'] in named
            assert cfg.train_cfg.max_epochs == model['Metadata']['Epochs']
            assert bool(cfg.model.get('cld')) == model['Metadata']['CLD'], model['Name']
