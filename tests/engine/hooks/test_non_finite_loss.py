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
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from cld_mm.distributed.process_group import prepare_distributed
from cld_mm.engine.build import build_runner
from cld_mm.engine.finite_checks import check_finite, loss_parts, poison
from cld_mm.engine.hooks.non_finite_loss import NonFiniteLossHook
from cld_mm.engine.step_replay.dump import image_names
from cld_mm.engine.step_replay.replay import replay
from cld_mm.fileio.json_values import replace_non_finite
from cld_mm.models.memories import FeatureQueue, ShardedMemoryBank
from cld_mm.registry import OPTIM_WRAPPERS
from tests.helpers import ROOT
from tests.helpers.ranks import run_ranks
from tools.stress import small_configs


def capture_steps(cfg: Config) -> None:
    """What --capture-steps sets."""
    for hook in cfg.custom_hooks:
        if hook.type == 'NonFiniteLossHook':
            hook.capture_steps = True


def small_runner(
    digits: Path, folder: Path, case: str = 'moco_cld', **changes: Any
) -> Any:
    """A tiny run without evaluation: 4 iterations an epoch."""
    changes.setdefault('train_dataloader__batch_size', 6)
    cfg = small_configs.config(case, folder, digits, **changes)
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    cfg.experiment_name = f'{folder.parent.name}-{folder.name}-{len(str(changes))}'
    return build_runner(cfg)


def break_forward(runner: Runner, iteration: Any) -> None:
    """Let one iteration's activations be NaN."""

    def corrupt(module: Any, inputs: Any) -> None:
        if runner.iter == iteration:
            inputs[0].data[0, 0, 0, 0] = float('nan')

    runner.model.backbone.layer2.register_forward_pre_hook(corrupt)


@pytest.mark.parametrize('late', [False, True], ids=['cpu', 'as on a gpu'])
def test_no_weight_becomes_nan(
    late: bool, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NonFiniteLossHook, '_reads_late', staticmethod(lambda _: late))
    runner = small_runner(digits, tmp_path)
    break_forward(runner, 2)
    with pytest.raises(FloatingPointError, match='loss is not finite at iteration 3 '):
        runner.train()
    assert runner.iter == 2 + late
    assert all(p.isfinite().all() for p in runner.model.parameters())
    state = runner.optim_wrapper.optimizer.state
    assert all(s['momentum_buffer'].isfinite().all() for s in state.values())


def test_a_late_result_is_read_before_a_checkpoint(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NonFiniteLossHook, '_reads_late', staticmethod(lambda _: True))
    runner = small_runner(digits, tmp_path)
    break_forward(runner, 3)  # the next checkpoint follows at once
    with pytest.raises(FloatingPointError, match='iteration 4 '):
        runner.train()
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['iter_2.pth']


def test_a_late_result_is_read_at_the_end(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NonFiniteLossHook, '_reads_late', staticmethod(lambda _: True))
    runner = small_runner(
        digits, tmp_path, epochs=1, default_hooks__checkpoint__every_iters=0
    )
    runner._hooks = [
        h for h in runner.hooks if type(h).__name__ != 'DigestCheckpointHook'
    ]
    break_forward(runner, 3)
    with pytest.raises(FloatingPointError, match='iteration 4 '):
        runner.train()


def test_a_bad_loss_part_without_gradient_stops_too(
    digits: Path, tmp_path: Path
) -> None:
    runner = small_runner(digits, tmp_path)
    plain = runner.model.loss

    def loss(*args: Any, **kwargs: Any) -> dict:
        parts = plain(*args, **kwargs)
        extra = torch.tensor(float('inf') if runner.iter == 2 else 1.0)
        return {**parts, 'loss_extra': extra}

    runner.model.loss = loss
    with pytest.raises(FloatingPointError, match=r'iteration 3 .*loss_extra=inf'):
        runner.train()


def test_the_right_batch_of_an_accumulation_is_named(
    digits: Path, tmp_path: Path
) -> None:
    runner = small_runner(
        digits,
        tmp_path,
        optim_wrapper__accumulative_counts=4,
        default_hooks__checkpoint__every_iters=0,
    )
    break_forward(runner, 1)
    with pytest.raises(FloatingPointError, match='loss is not finite at iteration 2 '):
        runner.train()
    assert runner.iter == 3  # where the accumulated step would have been


def test_finite_losses_are_not_changed_by_the_check() -> None:
    value = torch.tensor(0.1234567, requires_grad=True)
    losses = {'loss_a': value * 3, 'accuracy': torch.tensor(float('nan'))}
    checked = poison(losses, loss_parts(losses))
    assert checked['loss_a'] == losses['loss_a']
    (gradient,) = torch.autograd.grad(checked['loss_a'], value)
    assert gradient == 3


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), float('-inf')])
def test_one_bad_part_makes_all_gradients_nan(bad: float) -> None:
    value = torch.tensor(1.0, requires_grad=True)
    losses = {'loss_a': value * 3, 'loss_b': [torch.tensor(bad), value]}
    checked = poison(losses, loss_parts(losses))
    (gradient,) = torch.autograd.grad(checked['loss_a'], value)
    assert gradient.isnan()


def test_the_message_says_how_to_repeat_the_step(digits: Path, tmp_path: Path) -> None:
    runner = small_runner(digits, tmp_path)
    break_forward(runner, 2)
    with pytest.raises(FloatingPointError, match='--capture-steps'):
        runner.train()
    text = (tmp_path / 'non_finite/iter_3/rank_0.json').read_text()
    assert len(json.loads(text, parse_constant=pytest.fail)['images']) == 6
    assert not list(tmp_path.glob('non_finite/*/*.pth'))


def nan_on_one_rank(rank: int, digits: Path, folder: Path) -> None:
    cfg = small_configs.config(
        'moco_cld', folder, digits, train_dataloader__batch_size=3
    )
    cfg.launcher = 'pytorch'
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    prepare_distributed(cfg)
    runner = build_runner(cfg)
    if rank == 1:

        def corrupt(module: Any, inputs: Any) -> None:
            if runner.iter == 2:
                inputs[0].data[0, 0, 0, 0] = float('nan')

        runner.model.module.backbone.layer2.register_forward_pre_hook(corrupt)
    with pytest.raises(FloatingPointError, match=r'iteration 3 .* on rank 1: '):
        runner.train()
    assert all(p.isfinite().all() for p in runner.model.parameters())


def test_nan_on_one_rank_stops_all_before_the_step(
    digits: Path, tmp_path: Path
) -> None:
    run_ranks(nan_on_one_rank, args=(digits, tmp_path))


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
    capture_steps(cfg)
    runner = build_runner(cfg)

    def corrupt(module: Any, inputs: Any) -> None:
        if runner.iter == 2:
            inputs[0].data[0, 0, 0, 0] = float('nan')

    runner.model.backbone.layer2.register_forward_pre_hook(corrupt)
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
    json.dumps(replace_non_finite(result, as_text=True), allow_nan=False)
    assert result['first_non_finite']['where'] == 'backbone.layer2.0.conv1.weight'


def test_names_of_images_are_printable() -> None:
    path = os.fsdecode(b'/a/\xff\n.png')
    assert image_names([DataSample(metainfo={'img_path': path})]) == [
        r'/a/\udcff\n.png'
    ]


@pytest.mark.parametrize('case', ['npid_sharded', 'byol_cld', 'swav_cld'])
def test_a_gradient_that_is_not_finite_is_repeated(
    case: str, digits: Path, tmp_path: Path
) -> None:
    cfg = small_configs.config(case, tmp_path, digits, train_dataloader__batch_size=6)
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    cfg.experiment_name = f'gradient-{case}-{tmp_path.name}'
    capture_steps(cfg)
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

    def corrupt(module: Any, inputs: Any) -> None:
        if runner.iter == 4:
            statistics.data[1] = float('nan')

    runner.model.backbone.register_forward_pre_hook(corrupt)
    told = r'the buffer backbone.*bn1.running_var of rank 0 is not finite after .* 6'
    with pytest.raises(FloatingPointError, match=told):
        runner.train()
    assert runner.iter <= 6
    saved = sorted(tmp_path.glob('*.pth'))
    assert [path.name for path in saved][-1] == 'iter_4.pth'
    for path in saved:
        state = torch.load(path, weights_only=True)['state_dict']
        assert all(v.float().isfinite().all() for v in state.values())


def test_masks_and_normalizers_are_not_taken_for_corrupt() -> None:
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
