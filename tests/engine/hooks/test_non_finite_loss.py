"""A step that is not finite stops before the weights change, and can be repeated."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper as MMAmpOptimWrapper
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint.finite_check import check_finite
from cld_mm.engine.step_replay.dump import as_json, image_names
from cld_mm.engine.step_replay.replay import replay
from cld_mm.models.memories import FeatureQueue, ShardedMemoryBank
from cld_mm.registry import OPTIM_WRAPPERS
from tests.helpers import ROOT
from tools.stress import small_configs


@pytest.mark.parametrize('kind', ['npid_cld', 'mocov2_cld'])
def test_a_nan_is_kept_and_repeated(kind: str, digits: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(ROOT / f'configs/{kind}_r18_fashionmnist_10e.py')
    data = {'data_root': str(digits), 'indices': 24}
    cfg.merge_from_dict(
        {
            'train_dataloader.dataset': data,
            'train_dataloader.batch_size': 8,
            'model.backbone.base_channels': 4,
            'model.backbone.stem_channels': 4,
            'model.neck.in_channels': 32,
            'work_dir': str(tmp_path),
            'launcher': 'none',
            **({'model.num_images': 24} if 'npid' in kind else {'model.queue_len': 32}),
        }
    )
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        cfg[key] = None
    for key in ('test_cfg', 'test_dataloader', 'test_evaluator'):
        cfg[key] = None
    cfg.experiment_name = f'non-finite-{kind}'
    runner = build_runner(cfg)

    def spoil(module: Any, inputs: Any) -> None:
        if runner.iter == 2:
            inputs[0].data[0, 0, 0, 0] = float('nan')

    runner.model.backbone.layer2.register_forward_pre_hook(spoil)
    with pytest.raises(FloatingPointError, match=r'iteration 3 .* images image \d+'):
        runner.train()
    assert all(p.isfinite().all() for p in runner.model.parameters())
    folder = tmp_path / 'non_finite/iter_3'
    text = (folder / 'rank_0.json').read_text()
    json.loads(text, parse_constant=pytest.fail)  # no NaN outside quotes
    assert '"NaN"' in text
    assert len(json.loads(text)['images']) == 8
    dump = torch.load(folder / 'rank_0.pth', weights_only=True)
    weights = runner.model.state_dict()
    assert all(
        torch.equal(value, weights[name])
        for name, value in dump['model'].items()
        if name.endswith('weight')
    )
    # The spoiling hook is not in the dump: the same step without it is finite.
    (result,) = replay(folder)['ranks']
    assert result['first_non_finite'] is None
    assert not result['reproduces']
    # A weight that is not finite is: it reproduces, and is named.
    dump['model']['backbone.layer2.0.conv1.weight'][0, 0, 0, 0] = float('nan')
    torch.save(dump, folder / 'rank_0.pth')
    (result,) = replay(folder)['ranks']
    assert result['reproduces']
    json.dumps(as_json(result), allow_nan=False)
    assert result['first_non_finite']['where'] == 'backbone.layer2.0.conv1.weight'


def test_names_of_images_are_printable() -> None:
    path = os.fsdecode(b'/a/\xff\n.png')
    batch = {'data_samples': [DataSample(metainfo={'img_path': path})]}
    assert image_names(batch) == [r'/a/\udcff\n.png']


@pytest.mark.parametrize('case', ['npid_sharded', 'byol_cld', 'swav_cld'])
def test_a_gradient_that_is_not_finite_is_repeated(
    case: str, digits: Path, tmp_path: Path
) -> None:
    cfg = small_configs.config(case, tmp_path, digits, train_dataloader__batch_size=6)
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    cfg.experiment_name = f'gradient-{case}-{tmp_path.name}'
    runner = build_runner(cfg)
    name, weight = next(iter(runner.model.backbone.named_parameters()))
    inner = 'algorithm.' if case == 'swav_cld' else ''
    weight.register_hook(lambda g: g * (float('inf') if runner.iter == 5 else 1))
    with pytest.raises(
        FloatingPointError, match=rf'not finite at {inner}backbone.{name}'
    ):
        runner.train()
    (result,) = replay(tmp_path / 'non_finite/iter_6')['ranks']
    assert result['reproduces'], result
    assert result['first_non_finite'] is None  # the hook is not in the dump


@OPTIM_WRAPPERS.register_module()
class ScaledOnCPU(MMAmpOptimWrapper):
    """mmengine's wrapper with a scaler that overflows float32, as float16's does."""

    def __init__(self, scale: float, **kwargs: Any) -> None:
        OptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None
        self.cast_dtype = None
        self.loss_scaler = torch.amp.GradScaler('cpu', init_scale=scale)

    def backward(self, loss: Any, **kwargs: Any) -> None:
        super().backward(loss * 2.0**12, **kwargs)

    @contextmanager
    def optim_context(self, model: Any) -> Iterator[None]:
        with OptimWrapper.optim_context(self, model):
            yield


@pytest.mark.parametrize(('most', 'goes_on'), [(16, True), (2, False), (0, False)])
def test_overflows_are_skipped_up_to_n(
    most: int, goes_on: bool, digits: Path, tmp_path: Path
) -> None:
    cfg = small_configs.config(
        'moco', tmp_path, digits, epochs=3, train_dataloader__batch_size=6
    )
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        cfg[key] = None
    for key in ('test_cfg', 'test_dataloader', 'test_evaluator'):
        cfg[key] = None
    # Halved at each overflow: some steps are left out until gradients fit.
    cfg.optim_wrapper.update(type='ScaledOnCPU', scale=2.0**127)
    cfg.optim_wrapper.optimizer.lr = 1e-7
    for hook in cfg.custom_hooks:
        if hook.type == 'NonFiniteLossHook':
            hook.max_overflows = most
    cfg.experiment_name = f'overflow-{most}-{tmp_path.name}'
    runner = build_runner(cfg)
    if not goes_on:
        with pytest.raises(
            FloatingPointError, match=rf'overflowed {most + 1} times in a row, more'
        ):
            runner.train()
        assert runner.iter == most
        assert list((tmp_path / 'non_finite').glob('iter_*/rank_0.json'))
        return
    before = {n: p.detach().clone() for n, p in runner.model.named_parameters()}
    runner.train()
    scaler = runner.optim_wrapper.loss_scaler
    assert 0 < scaler.get_scale() < 2.0**124  # at least three were left out
    after = dict(runner.model.named_parameters())
    assert all(p.isfinite().all() for p in after.values())
    assert any(not torch.equal(before[n], p) for n, p in after.items())
    saved = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)
    assert saved['optimizer']['loss_scaler']['scale'] == scaler.get_scale()


def test_statistics_that_are_not_finite_are_never_saved(
    digits: Path, tmp_path: Path
) -> None:
    cfg = small_configs.config('byol', tmp_path, digits, train_dataloader__batch_size=6)
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    cfg.experiment_name = f'statistics-{tmp_path.name}'
    runner = build_runner(cfg)
    statistics = runner.model.backbone.bn1.running_var

    def spoil(module: Any, inputs: Any) -> None:
        if runner.iter == 4:
            statistics.data[1] = float('nan')

    runner.model.backbone.register_forward_pre_hook(spoil)
    told = r'the buffer backbone.*bn1.running_var of rank 0 is not finite after .* 6'
    with pytest.raises(FloatingPointError, match=told):
        runner.train()
    assert runner.iter <= 6
    runner.checkpoint_writer.wait()
    saved = sorted(tmp_path.glob('*.pth'))
    assert [path.name for path in saved][-1] == 'iter_4.pth'
    for path in saved:
        state = torch.load(path, weights_only=True)['state_dict']
        assert all(v.float().isfinite().all() for v in state.values())


def test_masks_and_normalisers_are_not_taken_for_spoilt() -> None:
    parts = torch.nn.BatchNorm1d(2), FeatureQueue(3, 2), ShardedMemoryBank(3, 2)
    model = torch.nn.ModuleList(parts)
    model.register_buffer('mask', torch.tensor([0.0, float('-inf')]))
    model.register_buffer('log_normalizer', torch.tensor(float('nan')))
    check_finite(model, 1, 'work')
    for name, tensor in (
        ('buffer 0.running_var', model[0].running_var),
        ('buffer 1.features', model[1].features),
        ('buffer 2.features', model[2].features),  # no buffer of its own
        ('weight 0.bias', model[0].bias.data),
    ):
        tensor[1] = float('-inf')
        with pytest.raises(FloatingPointError, match=f'the {name} of rank 0'):
            check_finite(model, 1, 'work')
        tensor[1] = 0
