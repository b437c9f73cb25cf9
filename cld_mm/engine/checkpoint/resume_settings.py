"""Resume with settings, data or ranks that changed since the checkpoint.

A checkpoint holds its run's settings. Optimizer and schedule settings that differ now
are applied by computing the new schedule from the start up to the current epoch, so the
learning rate is that of a run that had them all along. Unchanged runs stay bit-exact.
"""

import copy
import warnings
from pathlib import Path
from typing import Any

from mmengine.optim import ReduceOnPlateauParamScheduler
from mmengine.runner import IterBasedTrainLoop

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.consistency.setup import flatten
from cld_mm.fileio.checkpoint_loading import load_safely
from cld_mm.fileio.short_text import shorten

from .file_format import CheckpointError

SCHEDULED = ('optim_wrapper.', 'param_scheduler', 'auto_scale_lr.')
LENGTH = ('train_cfg.',)
REST = ('model.', 'train_dataloader.', 'randomness.')
# These change neither what is learned nor in what order.
IGNORED = {'init_cfg', 'data_root', 'num_workers', 'persistent_workers', 'pin_memory'}
IGNORED |= {'prefetch_factor', 'val_interval', 'val_begin', 'deterministic'}

Changes = dict[str, tuple[str, str]]


def training_settings(cfg: Any) -> dict[str, str]:
    """The settings that decide what is learned, by dotted path, as text."""
    wanted = SCHEDULED + LENGTH + REST
    return {
        path: repr(value)
        for path, value in flatten(cfg.to_dict()).items()
        if path.startswith(wanted) and not IGNORED & {*path.split('.')}
    }


def find_changes(saved: dict[str, str] | None, current: dict[str, str]) -> Changes:
    """Settings that differ, with their value in the checkpoint and the one now."""
    if saved is None:  # a checkpoint of another program
        return {}
    return {
        path: (saved.get(path, 'not set'), current.get(path, 'not set'))
        for path in sorted({*saved, *current})
        if saved.get(path) != current.get(path)
    }


def describe(changes: Changes) -> str:
    """Paths with both values, for a message."""
    return ', '.join(
        f'{path}: {shorten(old, 60)} in the checkpoint, {shorten(new, 60)} now'
        for path, (old, new) in changes.items()
    )


class ResumePlan:
    """What a resumed run takes from its checkpoint, and what from its config.

    Made before the checkpoint is loaded, when optimizer and schedules are as the config
    sets them.

    Args:
        runner: with its optimizer and schedules built.
        path: of the checkpoint; settings are compared if it is a local file.

    Attributes:
        changes: settings that differ.

    Raises:
        CheckpointError: changed settings cannot be applied.
    """

    def __init__(self, runner: Any, path: str) -> None:
        self.runner = runner
        self.path = path
        local = Path(path).is_file()  # else an address
        saved = load_safely(path, mmap=True) if local else {}
        self.meta = saved.get('meta', {})
        settings = training_settings(runner.cfg)
        self.changes = find_changes(self.meta.get('settings'), settings)
        self.scheduled = {
            k: v for k, v in self.changes.items() if k.startswith(SCHEDULED)
        }
        self.keeps = runner.cfg.get('resume_settings', 'new') == 'checkpoint'
        self._seed = runner.seed
        self._groups = [
            {key: copy.copy(value) for key, value in group.items() if key != 'params'}
            for group in runner.optim_wrapper.param_groups
        ]
        self._states = [
            copy.deepcopy(s.state_dict()) for s in runner.param_schedulers or []
        ]
        self._check_optimizer(saved.get('optimizer') or {})
        if self.keeps:
            self._check_kept()

    @property
    def takes_saved_schedules(self) -> bool:
        """Whether the schedules continue from their state in the checkpoint."""
        return self.keeps or not self.scheduled

    def misfit(self, error: RuntimeError) -> RuntimeError:
        """What to raise for an error while the weights were loaded."""
        if 'do not match exactly' not in str(error):
            return error
        of_model = {k: v for k, v in self.changes.items() if k.startswith('model.')}
        what = describe(of_model) or shorten(str(error).partition('\n')[2], 200)
        return CheckpointError(
            f'the checkpoint {self.path} does not fit the model ({what}): resume with '
            'the config it was written with, or start a new run from its weights with '
            'load_from.'
        )

    def _check_optimizer(self, saved: dict[str, Any]) -> None:
        sizes = [len(group['params']) for group in saved.get('param_groups', [])]
        own = [len(group['params']) for group in self.runner.optim_wrapper.param_groups]
        kind = {k: v for k, v in self.scheduled.items() if k.endswith('optimizer.type')}
        if kind or (sizes and sizes != own and self.scheduled):
            raise CheckpointError(
                'the state of the optimizer in the checkpoint fits neither another '
                'optimizer nor other parameter groups '
                f'({describe(kind or self.scheduled)}): set it back, or start a new '
                'run from the weights with load_from.'
            )
        plateau = [s for s in self.runner.param_schedulers or [] if is_plateau(s)]
        if plateau and not self.takes_saved_schedules:
            raise CheckpointError(
                f'settings changed ({describe(self.scheduled)}), but '
                f'{type(plateau[0]).__name__} depends on past results, so the schedule '
                'cannot be computed anew: set them back, or add --resume-settings '
                'checkpoint to keep the old ones.'
            )

    def _check_kept(self) -> None:
        fixed = {
            k: v
            for k, v in self.changes.items()
            if k.startswith(REST) or (k in self.scheduled and k.endswith('.type'))
        }
        if fixed:
            raise CheckpointError(
                '--resume-settings checkpoint keeps the values of optimizer and '
                f'schedules, but other settings changed ({describe(fixed)}): set them '
                'back, or use --resume-settings new.'
            )

    def apply(self) -> None:
        """Set optimizer, schedules, seed and place in the epoch; after loading."""
        runner = self.runner
        if self._seed != runner.seed:  # mmengine takes the checkpoint's
            runner._randomness_cfg.update(seed=self._seed)
            runner.set_randomness(**runner._randomness_cfg)
        if place_in_epoch(runner, self.meta) or not self.takes_saved_schedules:
            place_momentum_encoders(runner)
            self._compute_schedules()
        if self.changes:
            kept = (
                ' The old values of optimizer and schedule are kept.'
                if self.keeps
                else ' The new values are used; the schedule is computed up to here '
                '(--resume-settings checkpoint keeps the old ones).'
            )
            runner.logger.warning(
                f'settings changed since the checkpoint: {describe(self.changes)}.'
                f'{kept if self.scheduled else ""}'
            )

    def _compute_schedules(self) -> None:
        """Take all steps of the schedules up to the runner's epoch and iteration."""
        runner, schedulers = self.runner, self.runner.param_schedulers or []
        for group, values in zip(
            runner.optim_wrapper.param_groups, self._groups, strict=True
        ):
            group.update(values)
        for scheduler, state in zip(schedulers, self._states, strict=True):
            scheduler.load_state_dict(state)
        epochs, batches = runner.epoch, len(runner.train_dataloader)
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            epochs = 0
        by_epoch = [s for s in schedulers if s.by_epoch and not is_plateau(s)]
        by_iter = [s for s in schedulers if not s.by_epoch]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # steps of schedules before the optimizer's
            for epoch in range(epochs + 1):
                done = epoch == epochs
                steps = runner.iter - epochs * batches if done else batches
                for _ in range(steps if by_iter else 0):
                    for scheduler in by_iter:
                        scheduler.step()
                for scheduler in [] if done else by_epoch:
                    scheduler.step()


def place_in_epoch(runner: Any, meta: dict[str, Any]) -> bool:
    """Set the loop to the same fraction of the epoch if it has other batches now.

    Args:
        runner: just resumed.
        meta: of the checkpoint.

    Returns:
        Whether the number of batches per epoch changed.
    """
    loop = runner.train_loop
    batches = len(loop.dataloader)
    before = meta.get('batches_per_epoch', batches)
    loop.validated = meta.get('validated', True)
    if before == batches:
        return False
    where = f'iteration {loop._iter}'
    if not isinstance(loop, IterBasedTrainLoop):
        done = (meta['iter'] - meta['epoch'] * before) * batches // before
        loop._iter = meta['epoch'] * batches + max(0, min(done, batches))
        where = f'the same fraction of the epoch, iteration {loop._iter}'
    runner.logger.warning(
        f'an epoch had {before} batches in the checkpoint and has {batches} now (other '
        f'data, batch size or ranks): the run continues at {where}, not bit-exact.'
    )
    return True


def place_momentum_encoders(runner: Any) -> None:
    """Set the EMA encoders' step count to the runner's iteration."""
    model = unwrap_model(runner.model)
    if hasattr(model, 'momentum_encoders'):
        counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        for encoder in model.momentum_encoders():
            encoder.go_on_at(runner.iter // counts)


def is_plateau(scheduler: Any) -> bool:
    """Whether a schedule depends on results of evaluations."""
    return isinstance(scheduler, ReduceOnPlateauParamScheduler)
