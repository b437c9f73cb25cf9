"""Every way to write a training loop: broken off inside, resumed bit-exactly."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint import CheckpointError, newest_good
from tools.stress import comparing, small_configs

LOOPS = {
    'swav': {'by_epoch': True, 'max_epochs': 3, 'val_interval': 2},
    'epochs': {'by_epoch': True, 'max_epochs': 2, 'val_interval': 1},
    'iterations': {'by_epoch': False, 'max_iters': 10, 'val_interval': 4},
    'typed': {'type': 'ResumableIterLoop', 'max_iters': 10, 'val_interval': 4},
}
VALIDATED = {'epochs': [4, 8], 'swav': [8, 12]}


class Stopped(Exception):
    """A run that ends in the middle."""


class Notes(Hook):
    """Losses by iteration, and after which ones was validated; stops where told to."""

    priority = 'VERY_LOW'

    def __init__(self, losses: dict, validated: list, stop: int = 0) -> None:
        self.losses, self.validated, self.stop = losses, validated, stop

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        self.losses[runner.iter + 1] = outputs['loss'].item()
        if runner.iter + 1 == self.stop:
            raise Stopped

    def before_val(self, runner: Runner) -> None:
        self.validated.append(runner.iter)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('loop', 'stop'), [('epochs', 7), ('iterations', 4), ('typed', 7), ('swav', 11)]
)
def test_a_loop_goes_on_where_it_was(
    loop: str, stop: int, digits: Path, tmp_path: Path
) -> None:
    ends: dict[str, Any] = {}
    losses: dict[str, dict[int, float]] = {'whole': {}, 'parts': {}}
    for name, last in (('whole', 0), ('parts', stop), ('parts', 0)):
        case = 'swav_cld' if loop == 'swav' else 'moco'
        cfg = small_configs.config(
            case, tmp_path / name, digits, train_dataloader__batch_size=6
        )
        cfg.train_cfg = LOOPS[loop]
        cfg.default_hooks.checkpoint.update(
            every_iters=0, interval=stop, by_epoch=False
        )
        if loop in ('iterations', 'typed'):
            cfg.param_scheduler = None
        if loop == 'typed':
            cfg.train_dataloader.sampler = {'type': 'SeededInfiniteSampler'}
        cfg.resume = (tmp_path / name).exists()
        cfg.experiment_name = f'loops-{tmp_path.name}-{name}-{last}'
        runner = build_runner(cfg)
        validated: list[int] = []
        runner.register_hook(Notes(losses[name], validated, last))
        if last:
            with pytest.raises(Stopped):
                runner.train()
            continue
        runner.train()
        ends[name] = newest_good(tmp_path / name), validated
    assert len(losses['whole']) == len(losses['parts']) > stop
    assert losses['whole'] == losses['parts']
    expected = VALIDATED.get(loop, [4, 8, 10])
    assert ends['whole'][1] == expected
    assert ends['parts'][1] == [place for place in expected if place >= stop]
    one, two = (torch.load(end, weights_only=True) for end, _ in ends.values())
    found: list[str] = []
    for key in ('state_dict', 'optimizer', 'ranks'):
        comparing.unequal(one[key], two[key], key, found)
    assert found == []


@pytest.mark.slow
def test_another_batch_size_goes_on_at_its_iteration(
    digits: Path, tmp_path: Path
) -> None:
    losses: dict[int, float] = {}
    for batch, stop in ((6, 6), (3, 0)):
        cfg = small_configs.config('moco', tmp_path / 'run', digits)
        cfg.train_dataloader.batch_size = batch
        cfg.train_cfg = LOOPS['iterations']
        cfg.param_scheduler = None
        cfg.resume = not stop
        cfg.experiment_name = f'loops-{tmp_path.name}-{batch}'
        runner = build_runner(cfg)
        runner.register_hook(Notes(losses, [], stop))
        if stop:
            with pytest.raises(Stopped):
                runner.train()
    losses.clear()
    runner.train()
    assert list(losses) == [7, 8, 9, 10]


@pytest.mark.slow
def test_a_checkpoint_of_another_model_is_refused(digits: Path, tmp_path: Path) -> None:
    for place, (case, changes) in enumerate(
        [('moco', {}), ('moco_cld', {}), ('moco', {'model__queue_len': 64})]
    ):
        cfg = small_configs.config(case, tmp_path / 'run', digits, 1, **changes)
        cfg.train_dataloader.batch_size = 12
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.resume = place > 0
        cfg.experiment_name = f'loops-{tmp_path.name}-other-{place}'
        runner = build_runner(cfg)
        if not place:
            runner.train()
            continue
        with pytest.raises(CheckpointError, match='does not fit the model'):
            runner.train()


@pytest.mark.slow
def test_a_queue_of_swav_is_of_its_run_and_of_its_batches(
    digits: Path, tmp_path: Path
) -> None:
    messages = []
    for batch, stop in ((6, 7), (5, 0)):
        cfg = small_configs.config(
            'swav_cld', tmp_path, digits, 2, train_dataloader__batch_size=batch
        )
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.log_level = 'WARNING'
        cfg.resume = not stop
        cfg.experiment_name = f'loops-{tmp_path.name}-swav-{batch}'
        runner = build_runner(cfg)
        runner.register_hook(Notes({}, [], stop))
        if stop:
            torch.save({'queue': torch.ones(2, 12, 8)}, tmp_path / 'queue.pth')
            with pytest.raises(Stopped):
                runner.train()
            continue
        runner.logger.addFilter(lambda r: messages.append(r.getMessage()) or True)
        runner.train()
    assert sum('queue of SwAV' in message for message in messages) == 1
    rows = runner.model.head.loss_module.kept_queue.rows
    assert rows.shape == (2, 10, 8)
    norms = rows.norm(dim=2)
    torch.testing.assert_close(norms, torch.ones_like(norms))  # filled since
    cfg.train_dataloader.batch_size = cfg.custom_hooks[-1].batch_size = 24
    cfg.experiment_name += '-long'
    with pytest.raises(ValueError, match='queue_length is 13, but a batch of all ra'):
        build_runner(cfg).train()
