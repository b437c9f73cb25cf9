"""DigestCheckpointHook: when to save, what to keep, and when to stop."""

import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop
from torch import distributed as dist

from cld_mm.engine.checkpoint import (
    StoppedBySignal,
    StopSignals,
    gather_rank_states,
    restore_rank_state,
)
from cld_mm.engine.checkpoint.discovery import newest_run
from cld_mm.engine.checkpoint.retention import RemoveLater, delete_old
from cld_mm.engine.checkpoint.work_dir_lock import lock
from cld_mm.engine.preemption.interruptible_evaluation import Evaluation
from cld_mm.fileio.atomic_write import write_text
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class DigestCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook for runs on machines that may be taken away.

    It saves by minutes too, stores every rank's own state, and stops all ranks after
    the same iteration when one gets a signal.

    ``interval``, ``by_epoch``, ``max_keep_ckpts``, ``save_best`` and the others are
    mmengine's, but ``out_dir`` must be a local folder. A file is deleted only after a
    newer one was written and verified, so the disk must hold one more than
    ``max_keep_ckpts``.

    Args:
        every_iters: also save ``iter_N.pth`` every so many iterations; 0: never.
        every_minutes: also save it so many minutes after the last save, by rank 0's
            clock; 0: never.
        keep_recent: how many of these to keep if ``interval`` counts epochs.
        exchange_interval: iterations between two exchanges of stop signals and
            ``every_minutes`` between ranks.
        **kwargs: as in mmengine's CheckpointHook.

    Raises:
        ValueError: a number is out of range, or ``out_dir`` is not a local folder.
        CheckpointError: on every rank: a checkpoint could not be written.
        StoppedBySignal: on every rank: SIGTERM, SIGUSR1 or Ctrl-C came, and a
            checkpoint was saved.
    """

    by_epoch: bool

    def __init__(
        self,
        *args: Any,
        every_iters: int = 0,
        every_minutes: float = 0,
        keep_recent: int = 2,
        exchange_interval: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, value, least in (
            ('every_iters', every_iters, 0),
            ('every_minutes', every_minutes, 0),
            ('keep_recent', keep_recent, 1),
            ('exchange_interval', exchange_interval, 1),
        ):
            if value < least:
                raise ValueError(f'{name} must be >= {least}, got {value}.')
        if '://' in str(self.out_dir):
            raise ValueError(f'out_dir must be a local folder, got {self.out_dir}.')
        self.exchange_interval = exchange_interval
        self.every_iters, self.every_minutes = every_iters, every_minutes
        self.keep_recent = keep_recent
        self.signals = StopSignals()
        self._ranks: list | None = None
        self._resumed: tuple | None = None
        self._group: Any = None
        self._saved_at = 0.0
        self._validation_is_due = False
        self._evaluation = Evaluation()
        self._run = time.time_ns()
        self._lock: Any = None

    def before_train(self, runner: Any) -> None:
        """Restore this rank's own state, and start to handle signals."""
        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            # Its only epoch ends with the run, which saves under its iterations.
            self.by_epoch, self.interval = False, -1
        super().before_train(runner)
        self.file_backend = RemoveLater()
        if is_main_process():
            self._lock = lock(runner.work_dir)
            for pattern in ('.*.part', '*.bank/.*.part'):
                for half in Path(self.out_dir).glob(pattern):
                    half.unlink()  # of a run that was killed while writing
        if get_world_size() > 1 and dist.get_backend() != 'gloo':
            self._group = dist.new_group(backend='gloo')
        self._saved_at = time.monotonic()
        if self._resumed is None:
            folders = [Path(runner.work_dir), Path(self.out_dir)]
            self._run = max(self._run, 1 + newest_run(folders))
        else:
            meta, ranks = self._resumed
            self._run = meta.get('run', self._run)
            if ranks is not None:
                restore_rank_state(runner, ranks)
            self._resumed = None
        self.signals.install()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save if it is time to, and stop if asked to."""
        every = self.every_n_train_iters
        number, due = 0, every(runner, self.every_iters or -1)
        if get_world_size() == 1 or every(runner, self.exchange_interval):
            number, late = self._exchange()
            due = due or late
        if not self.by_epoch:
            last = self.save_last and self.is_last_train_iter(runner)
            due = due or last or every(runner, self.interval, self.save_begin)
        # A loop by iterations has yet to validate.
        self._validation_is_due = isinstance(runner.train_loop, IterBasedTrainLoop)
        if number:
            self._save_and_leave(runner, number, runner.iter + 1)
        if due:
            self._save_iteration(runner, runner.iter + 1)
        self._validation_is_due = False

    def after_train_epoch(self, runner: Any) -> None:
        """Save if it is time to."""
        self._validation_is_due = True
        super().after_train_epoch(runner)
        self._validation_is_due = False

    def before_val_epoch(self, runner: Any) -> None:
        """Keep the state that a run stopped in this evaluation resumes from."""
        if self.signals.installed:  # in training
            self._evaluation.begin()

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Stop if asked to, without the rest of the evaluation."""
        batches = len(runner.val_dataloader)
        self.after_features(runner, batch_idx, batches)
        if batch_idx + 1 == batches:  # other hooks may evaluate once more
            self._evaluation.end()

    def after_features(self, runner: Any, batch_idx: int, batches: int) -> None:
        """The same after a batch, or a chunk of votes, of KNNLoop, which calls it."""
        for _ in range(self._evaluation.checks(batch_idx, batches, self._largest)):
            number, _ = self._exchange()
            if number:
                self._evaluation.undo(runner)
                self._save_and_leave(runner, number, runner.iter)

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Save the best, and stop if asked to."""
        self._evaluation.end()
        super().after_val_epoch(runner, metrics or {})
        number, _ = self._exchange() if self.signals.installed else (0, False)
        if number:
            self._save_and_leave(runner, number, runner.iter)

    def after_run(self, runner: Any) -> None:
        """Leave signals and the work dir to others."""
        self.signals.remove()
        if self._lock is not None:
            self._lock.release()

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add what a resumed run needs beyond mmengine's."""
        if 'optimizer' not in checkpoint:
            return
        checkpoint['meta'].update(
            batches_per_epoch=len(runner.train_dataloader),
            run=self._run,
            validated=not (self._validation_is_due or self._evaluation.running),
        )
        if self._ranks is not None:
            checkpoint['ranks'] = self._ranks

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Keep what is restored just before training."""
        if runner._resume:
            self._resumed = checkpoint['meta'], checkpoint.get('ranks')

    def _exchange(self) -> tuple[int, bool]:
        """(signal, whether a checkpoint is due), the same on every rank."""
        waited = time.monotonic() - self._saved_at
        due = is_main_process() and 0 < 60 * self.every_minutes <= waited
        number, any_due = self._largest(self.signals.received, int(due))
        return number, bool(any_due)

    def _largest(self, *own: int) -> list[int]:
        numbers = torch.tensor(own)
        if get_world_size() > 1:
            dist.all_reduce(numbers, op=dist.ReduceOp.MAX, group=self._group)
        return numbers.tolist()

    def _save_iteration(self, runner: Any, iteration: int) -> None:
        runner.logger.info(f'Saving checkpoint at {iteration} iterations')
        meta = {'epoch': runner.epoch, 'iter': iteration}
        self._save(runner, f'iter_{iteration}.pth', meta, by_epoch=False)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        self._save(runner, self.filename_tmpl.format(step), meta, self.by_epoch)

    def _save(self, runner: Any, name: str, meta: dict, by_epoch: bool) -> None:
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self._saved_at = time.monotonic()
        if self.save_optimizer:
            self._ranks = gather_rank_states(runner, self._evaluation.random)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=by_epoch,
            **self.args,
        )
        self._ranks = None
        if is_main_process():
            self._delete_old(runner.work_dir, name)

    def _delete_old(self, work_dir: str, name: str) -> None:
        """Point to the new file and delete the oldest ones of this run."""
        folder = Path(self.out_dir)
        write_text(Path(work_dir) / 'last_checkpoint', str(folder / name))
        numbers = {self.filename_tmpl.split('{')[0]: self.max_keep_ckpts}
        numbers.setdefault('iter_', self.keep_recent)
        delete_old(folder, self._run, numbers, name, not self.save_optimizer)

    def _save_best_checkpoint(self, runner: Any, metrics: Any) -> None:
        """As mmengine's, but the old best is deleted only once the new one exists."""
        super()._save_best_checkpoint(runner, metrics)
        best = {
            getattr(self, 'best_ckpt_path', None),
            *getattr(self, 'best_ckpt_path_dict', {}).values(),
        }
        self.file_backend.remove_all_but(best)

    def _save_and_leave(self, runner: Any, number: int, iteration: int) -> None:
        self._save_iteration(runner, iteration)
        raise StoppedBySignal(number, iteration, str(self.last_ckpt))
