"""Every way to scale, by its config, on two ranks: the plain run's numbers."""

import copy
import functools
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import distributed as dist
from torch._dynamo.utils import counters

from cld_mm.config.check_parallelism import check_parallel
from cld_mm.config.check_values import check_config
from cld_mm.distributed.process_group import prepare_distributed
from cld_mm.distributed.sharded_tensors import has_split_parameters, joined
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.build import build_runner
from tests.helpers import ROOT
from tests.helpers.ranks import run_ranks
from tests.helpers.run_tools import call_tool

CONFIGS = ROOT / 'configs'
TINY_VIT = {
    'arch': {
        'embed_dims': 16,
        'num_layers': 2,
        'num_heads': 2,
        'feedforward_channels': 32,
    },
    'img_size': 28,
    'patch_size': 14,
}


@functools.cache
def load(name: str) -> Config:
    return Config.fromfile(CONFIGS / f'{name}.py')


def small(name: str, digits: Path, folder: Path, **changes: Any) -> Any:
    """A config of configs/, with a tiny model of its kind, on digits; 4 iterations."""
    cfg, data = (
        copy.deepcopy(load(n)) for n in (name, 'mocov2_cld_r18_fashionmnist_10e')
    )
    cfg.train_dataloader = data.train_dataloader
    cfg.model.data_preprocessor = data.model.data_preprocessor
    vit = cfg.model.backbone.type == 'VisionTransformer'
    tiny = {'depth': 18, 'stem_channels': 4, 'base_channels': 4}
    cfg.model.backbone.update(TINY_VIT if vit else tiny, in_channels=1)
    cfg.model.neck.in_channels = 16 if vit else 32
    if cfg.model.type == 'MoCo':
        cfg.model.neck.out_channels = cfg.model.feat_dim = 8
        cfg.model.queue_len, cfg.model.cld.grouping.num_groups = 32, 3
    cfg.train_dataloader.update(batch_size=4)
    cfg.train_dataloader.dataset.update(data_root=str(digits), indices=32)
    cfg.param_scheduler = cfg.val_cfg = None
    cfg.val_dataloader = cfg.val_evaluator = None
    changes = {
        'work_dir': str(folder),
        'experiment_name': folder.name,
        'train_cfg.max_epochs': 1,
        'optim_wrapper.optimizer.lr': 0.01,
        'default_hooks.checkpoint.every_iters': 2,
        'visualizer.vis_backends': [],
        'log_level': 'ERROR',
        'launcher': 'pytorch',
        **{key.replace('__', '.'): value for key, value in changes.items()},
    }
    cfg.merge_from_dict(changes)
    return cfg


def trained(cfg: Any, *hooks: Any) -> tuple:
    """Train on this rank; the runner and its whole state dict."""
    check_config(cfg)
    check_parallel(cfg)
    prepare_distributed(cfg)
    runner = build_runner(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    dist.barrier()
    model = unwrap_model(runner.model)
    return runner, joined(model.state_dict())


def closest(one: Any, two: Any, **tolerance: Any) -> None:
    assert one.keys() == two.keys()
    torch.testing.assert_close(one, two, **tolerance)  # names what differs


def prepare_rank(rank: int) -> None:
    world = str(dist.get_world_size())
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=world)
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)


ROUNDING = {'rtol': 1e-4, 'atol': 1e-5}
EXACT = {'rtol': 0, 'atol': 0}
PLAIN = 'mocov2_cld_r50_200e'
# What each config may differ by from the plain run, and what its test changes.
SAME = {
    'checkpointing': (ROUNDING, {}),
    'static_graph': (EXACT, {}),
    'zero': (ROUNDING, {}),
    'compile': (ROUNDING, {'backend': 'eager'}),
    # Of full rank, and never exact on its own account.
    'powersgd': (
        ROUNDING,
        {
            'matrix_approximation_rank': 64,
            'start_powerSGD_iter': 2,
            'min_compression_rate': 1e-9,
        },
    ),
}


def _resume(make: Any, folder: Path, whole: Any) -> None:
    """From the checkpoint of iteration 2: a bitwise identical end."""
    name = f'{folder.name}_resumed'
    cfg = make(folder.parent / name, resume=True, load_from=str(folder / 'iter_2.pth'))
    closest(trained(cfg)[1], whole, **EXACT)
    if dist.get_rank() == 0:
        ends = [
            torch.load(folder.parent / n / 'epoch_1.pth') for n in (folder.name, name)
        ]
        states = [end['optimizer']['state'] for end in ends]
        assert len(states[0]) > 20
        for one, two in zip(*(s.values() for s in states), strict=True):
            closest(one, two, **EXACT)
    dist.barrier()


def _resnets(rank: int, digits: Path, folder: Path) -> None:
    prepare_rank(rank)
    _, plain = trained(small(PLAIN, digits, folder / 'plain'))
    for name, (tolerance, settings) in SAME.items():

        def make(
            where: Any, name: str = name, settings: Any = settings, **changes: Any
        ) -> Any:
            config = f'scaling/mocov2_cld_r50_{name}_200e'
            cfg = small(config, digits, where, **changes)
            cfg.custom_hooks[-1].update(settings)
            return cfg

        runner, state = trained(make(folder / name))
        closest(state, plain, **tolerance)
        if name == 'checkpointing':
            blocks = runner.model.module.backbone.layer1
            assert all('forward' in vars(block) for block in blocks)
        if name == 'static_graph':
            assert runner.model.static_graph
        if name == 'compile':
            assert counters['stats']['unique_graphs'] > 0
            assert not counters['graph_break']
        if name == 'powersgd':
            with pytest.raises(AssertionError):
                closest(state, plain, **EXACT)  # it was compressed
        if name == 'zero':
            optimizer = runner.optim_wrapper.optimizer
            own = len(optimizer.optim.state)
            assert 0 < own < len(optimizer.param_groups[0]['params'])
            _resume(make, folder / name, state)


@pytest.mark.slow
def test_each_config_gives_the_plain_runs_numbers(digits: Path, tmp_path: Path) -> None:
    run_ranks(_resnets, 2, (digits, tmp_path))
    # What was trained on several ranks is evaluated by its own config on one.
    cfg = small('scaling/mocov2_cld_r50_zero_200e', digits, tmp_path, launcher='none')
    data = load('mocov2_cld_r18_fashionmnist_10e')
    for name in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[name] = copy.deepcopy(data[name])
    for loader in (cfg.test_dataloader, cfg.test_cfg.train_dataloader):
        loader.dataset.update(data_root=str(digits), indices=40)
    cfg.dump(str(tmp_path / 'zero.py'))
    words = (tmp_path / 'zero.py', tmp_path / 'zero/epoch_1.pth', '--k', '5')
    done = call_tool('tools/knn.py', *words)
    assert done.code == 0, done.stderr
    assert 'instance' in done.stdout


def _three(rank: int, digits: Path, folder: Path) -> None:
    """Of three parts the sum's last bits depend on where in a bucket they lie."""
    prepare_rank(rank)

    def make(where: Any, **changes: Any) -> Any:
        # 22 images, repeated to 24: each rank has batches of 3, 3 and 2.
        data = {'batch_size': 3, 'drop_last': False, 'dataset__indices': 22}
        data = {f'train_dataloader__{key}': value for key, value in data.items()}
        return small(PLAIN, digits, where, **data, **changes)

    _resume(make, folder / 'whole', trained(make(folder / 'whole'))[1])


@pytest.mark.slow
def test_three_ranks_resume_to_the_last_bit(digits: Path, tmp_path: Path) -> None:
    run_ranks(_three, 3, (digits, tmp_path))


def _others(rank: int, digits: Path, folder: Path) -> None:
    prepare_rank(rank)
    # Half precision: one step, by rounding alone (later ones amplify it).
    step = {'train_dataloader__dataset__indices': 8}
    _, start = trained(
        small(PLAIN, digits, folder / 'a', optim_wrapper__optimizer__lr=0.0, **step)
    )
    _, plain = trained(small(PLAIN, digits, folder / 'b', **step))
    config = 'scaling/mocov2_cld_r50_fp16_gradients_200e'
    _, half = trained(small(config, digits, folder / 'c', **step))
    names = [n for n in start if n.startswith(('backbone', 'neck')) and 'weight' in n]
    expected, got = (
        torch.cat([(end[n] - start[n]).flatten() for n in names])
        for end in (plain, half)
    )
    assert 0 < (got - expected).norm() < 2e-3 * expected.norm()
    # Without a GPU synchronized BatchNorm becomes each rank's own: one line less.
    config = 'scaling/mocov2_cld_r50_syncbn_200e'
    assert load(config).model.backbone.norm_cfg.type == 'SyncBN'
    _, synchronized = trained(small(config, digits, folder / 'd', **step))
    own = small(PLAIN, digits, folder / 'e', model__shuffle_bn=False, **step)
    closest(synchronized, trained(own)[1], **EXACT)
    with pytest.raises(AssertionError):
        closest(synchronized, plain, **EXACT)
    cfg = small('scaling/mocov2_cld_r50_fp16_gradients_200e', digits, folder / 'f')
    cfg.custom_hooks[-1].method = 'bf16'
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'bf16', which needs NCCL"):
            trained(cfg)


@pytest.mark.slow
def test_what_changes_numbers_changes_them_as_it_says(
    digits: Path, tmp_path: Path
) -> None:
    run_ranks(_others, 2, (digits, tmp_path))


class Gradients(Hook):
    """Sums what the ranks have exchanged."""

    def __init__(self) -> None:
        self.sums: dict[str, torch.Tensor] = {}

    def before_train(self, runner: Runner) -> None:
        model = runner.model.module

        def add(*_: Any) -> None:
            for name, parameter in model.named_parameters():
                if parameter.grad is not None:
                    self.sums[name] = self.sums.get(name, 0) + parameter.grad

        runner.optim_wrapper.optimizer.register_step_pre_hook(add)


def _accumulate(rank: int, digits: Path, folder: Path) -> None:
    prepare_rank(rank)
    # Where images do not meet in a batch, two small batches are one large batch.
    ends = []
    for batch, batches in ((8, 1), (4, 2)):
        cfg = small(
            'byol_r18_fashionmnist_10e',
            digits,
            folder / str(batch),
            train_dataloader__batch_size=batch,
            optim_wrapper__accumulative_counts=batches,
        )
        parts = (cfg.model.backbone, cfg.model.neck, cfg.model.head.predictor)
        for part in parts:
            part.norm_cfg = {'type': 'GN', 'num_groups': 2}
        ends.append(trained(cfg)[1])
    closest(*ends, **ROUNDING)
    # MoCo's four batches: one step along the mean of their gradients.
    config, lr = 'scaling/mocov2_cld_r50_accumulate_200e', 0.01
    hook = Gradients()
    counted = small(config, digits, folder / 'gradients')
    counted.optim_wrapper.update(accumulative_counts=1)
    counted.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)
    _, start = trained(counted, hook)
    cfg = small(config, digits, folder / 'steps')
    assert cfg.optim_wrapper.accumulative_counts == 4
    cfg.optim_wrapper.optimizer.update(lr=lr, weight_decay=0.0)
    _, end = trained(cfg)
    assert len(hook.sums) > 20
    for name, total in hook.sums.items():
        torch.testing.assert_close(end[name], start[name] - lr * total / 4, **ROUNDING)
        key = f'momentum_encoder.{name}'
        if key in end:
            mean = start[key].lerp(end[name], 0.001)
            torch.testing.assert_close(end[key], mean, **ROUNDING)


@pytest.mark.slow
def test_accumulation_is_the_large_batch_where_no_batch_matters(
    digits: Path, tmp_path: Path
) -> None:
    run_ranks(_accumulate, 2, (digits, tmp_path))


def _vit(rank: int, digits: Path, folder: Path) -> None:
    prepare_rank(rank)
    name = 'scaling/mocov2_cld_vit-l16_fsdp_300e'

    def make(where: Any, **changes: Any) -> Any:
        return small(name, digits, where, **changes)

    cfg = make(folder / 'plain')
    cfg.model_wrapper_cfg = None
    runner, plain = trained(cfg)
    assert not has_split_parameters(runner.model)
    runner, split = trained(make(folder / 'split'))
    closest(split, plain, **ROUNDING)
    held = sum(p.to_local().numel() for p in runner.model.parameters())
    whole = sum(p.numel() for p in runner.model.parameters())
    assert 0.45 * whole < held < 0.55 * whole  # some cannot be halved
    images = torch.randn(6, 1, 28, 28)
    features = runner.model.module.eval().extract_features(images)
    assert features['backbone'].shape == (6, 16)
    _resume(make, folder / 'split', split)
    # Plain and split runs read each other's checkpoints.
    cfg = make(
        folder / 'joined', resume=True, load_from=str(folder / 'split/iter_2.pth')
    )
    cfg.model_wrapper_cfg = None
    closest(trained(cfg)[1], plain, **ROUNDING)
    half = make(folder / 'half', optim_wrapper__accumulative_counts=3)
    _, whole_steps = trained(half)
    half = make(folder / 'half_2', optim_wrapper__accumulative_counts=3)
    half.merge_from_dict({'resume': True, 'load_from': str(folder / 'half/iter_2.pth')})
    closest(trained(half)[1], whole_steps, **EXACT)


@pytest.mark.slow
def test_a_vit_split_over_ranks_is_the_whole_one(digits: Path, tmp_path: Path) -> None:
    run_ranks(_vit, 2, (digits, tmp_path))
