"""DigestCheckpointHook: when to save, what to keep, and when to stop.

Beyond mmengine's: it saves by minutes too, keeps older files until newer ones are
verified, stores every rank's own state, writes in the background, and stops all ranks
after the same iteration when one gets a signal.
"""

import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop
from torch import distributed as dist

from cld_mm.engine.checkpoint import (
    CheckpointError,
    StoppedBySignal,
    StopSignals,
    gather_rank_states,
    read_label,
    restore_rank_state,
)
from cld_mm.engine.checkpoint.discovery import newest_run, resumable
from cld_mm.engine.checkpoint.work_dir_lock import lock
from cld_mm.engine.preemption.interruptible_evaluation import Evaluation
from cld_mm.fileio.atomic_write import write_text
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class DigestCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook for runs on machines that may be taken away.

    ``interval``, ``by_epoch``, ``max_keep_ckpts``, ``save_best`` and the others are
    mmengine's. A file is deleted only after a newer one was written and verified, so
    the disk must hold one more than ``max_keep_ckpts``.

    Args:
        every_iters: also save ``iter_N.pth`` every so many iterations; 0: never.
        every_minutes: also save it so many minutes after the last save, by rank 0's
            clock; 0: never.
        keep_recent: how many of these to keep if ``interval`` counts epochs.
        exchange_interval: iterations between two exchanges of stop signals, write
            errors and ``every_minutes`` between ranks.
        **kwargs: as in mmengine's CheckpointHook.

    Raises:
        ValueError: ``every_iters`` or ``every_minutes`` is below 0, ``keep_recent`` or
            ``exchange_interval`` below 1.
        CheckpointError: during training, on every rank: a checkpoint could not be
            written.
        StoppedBySignal: during training, on every rank: SIGTERM, SIGUSR1 or Ctrl-C
            came, and a checkpoint was saved.
    """

    by_epoch: bool
    best_ckpt_path: Any
    best_ckpt_path_dict: Any

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
        self.exchange_interval = exchange_interval
        self.every_iters = every_iters
        self.every_minutes = every_minutes
        self.keep_recent = keep_recent
        self.signals = StopSignals()
        self._ranks: list | None = None
        self._resumed: dict | None = None
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
        if is_main_process():
            self._lock = lock(runner.work_dir)
            for pattern in ('.*.part', '*.bank/.*.part'):
                for half in Path(self.out_dir).glob(pattern):
                    half.unlink()  # of a run that was killed while writing
        if get_world_size() > 1 and dist.get_backend() != 'gloo':
            self._group = dist.new_group(backend='gloo')
        self._saved_at = time.monotonic()
        if self._resumed is None:
            self._run = max(self._run, 1 + newest_run(self._folders(runner)))
        else:
            self._run = self._resumed['meta'].get('run', self._run)
            if 'ranks' in self._resumed:
                restore_rank_state(runner, self._resumed['ranks'])
            self._resumed = None
        self.signals.install()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save if it is time to, and stop if asked to."""
        number, due = 0, False
        if get_world_size() == 1 or self.every_n_train_iters(
            runner, self.exchange_interval
        ):
            number, due = self._exchange(runner)
        due = due or self.every_n_train_iters(runner, self.every_iters or -1)
        last = self.save_last and self.is_last_train_iter(runner)
        regular = not self.by_epoch and (
            last or self.every_n_train_iters(runner, self.interval, self.save_begin)
        )
        if due or number or regular:
            # A loop by iterations has yet to validate.
            self._validation_is_due = isinstance(runner.train_loop, IterBasedTrainLoop)
            self._save_iteration(runner, runner.iter + 1)
            self._validation_is_due = False
        if number:
            self._leave(runner, number, runner.iter + 1)

    def after_train_epoch(self, runner: Any) -> None:
        """Save if it is time to."""
        self._validation_is_due = True
        super().after_train_epoch(runner)
        self._validation_is_due = False

    def before_val_epoch(self, runner: Any) -> None:
        """Keep the state that a run stopped in this evaluation resumes from."""
        super().before_val_epoch(runner)
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
        """The same after a batch, or a chunk of votes, of KNNLoop, which calls it.

        Args:
            runner: the runner.
            batch_idx: index of the batch or chunk that is done.
            batches: how many this rank has.
        """
        for _ in range(self._evaluation.checks(batch_idx, batches, self._largest)):
            number, _ = self._exchange(runner)
            if number:
                self._evaluation.undo(runner)
                self._save_iteration(runner, runner.iter)
                self._leave(runner, number, runner.iter)

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Save the best, and stop if asked to."""
        self._evaluation.end()
        super().after_val_epoch(runner, metrics or {})
        number, _ = self._exchange(runner) if self.signals.installed else (0, False)
        if number:
            self._save_iteration(runner, runner.iter)
            self._leave(runner, number, runner.iter)

    def after_train(self, runner: Any) -> None:
        """Wait for the last file."""
        _wait(runner)
        super().after_train(runner)

    def after_run(self, runner: Any) -> None:
        """Wait for what other hooks saved at the end."""
        _wait(runner)
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
            kept = ('meta', 'ranks')
            self._resumed = {key: checkpoint[key] for key in kept if key in checkpoint}

    def _folders(self, runner: Any) -> list[Path]:
        return [Path(runner.work_dir), Path(self.out_dir)]

    def _exchange(self, runner: Any) -> tuple[int, bool]:
        """(signal, whether a checkpoint is due), the same on every rank.

        Raises:
            CheckpointError: on every rank: rank 0 could not write a checkpoint.
        """
        waited = time.monotonic() - self._saved_at
        due = self.every_minutes and is_main_process()
        due = bool(due and waited >= 60 * self.every_minutes)
        writer = getattr(runner, 'checkpoint_writer', None)
        failed = writer is not None and writer.failed
        number, any_failed, any_due = self._largest(
            self.signals.received, int(failed), int(due)
        )
        if any_failed:
            _wait(runner)  # raises rank 0's own error there
            raise CheckpointError(
                'rank 0 could not write a checkpoint, and names the reason; the older '
                'ones are kept: continue with --resume.'
            )
        return number, bool(any_due)

    def _largest(self, *own: int) -> list[int]:
        """The largest of each number over all ranks."""
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
        random = self._evaluation.random
        self._ranks = (
            gather_rank_states(runner, random) if self.save_optimizer else None
        )
        extra = {}
        if hasattr(runner, 'checkpoint_writer'):
            extra['then'] = lambda: self._written(runner.work_dir, name)
        try:
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=by_epoch,
                backend_args=self.backend_args,
                **extra,
                **self.args,
            )
        finally:
            self._ranks = None
        if not extra and is_main_process():
            self._written(runner.work_dir, name)

    def _written(self, work_dir: str, name: str) -> None:
        """Point to the new file and delete the oldest ones; may run in a thread."""
        folder = Path(self.out_dir)
        if not folder.is_dir():
            return  # on a remote store, where mmengine has written it
        write_text(Path(work_dir) / 'last_checkpoint', str(folder / name))
        regular = self.filename_tmpl.split('{')[0]
        kinds = {regular: self.max_keep_ckpts}
        kinds.setdefault('iter_', self.keep_recent)
        for start, number in kinds.items():
            kept = [
                path
                for path in resumable([folder], weights=not self.save_optimizer)
                if path.name.startswith(start) and self._mine(path)
            ]
            for path in kept[number:] if number > 0 else []:
                if path.name != name:
                    path.unlink(missing_ok=True)

    def _mine(self, path: Path) -> bool:
        label = read_label(path)
        return label is not None and label.run == self._run

    def _save_best_checkpoint(self, runner: Any, metrics: Any) -> None:
        """As mmengine's, but the old best is deleted only once the new one exists."""
        if not self.save_best:
            return
        single = hasattr(self, 'best_ckpt_path')
        old = {'': self.best_ckpt_path} if single else dict(self.best_ckpt_path_dict)
        self._set_best(dict.fromkeys(old), single)  # mmengine would delete them
        super()._save_best_checkpoint(runner, metrics)
        new = {'': self.best_ckpt_path} if single else dict(self.best_ckpt_path_dict)
        _wait(runner)
        for key, path in old.items():
            if path and new[key] and new[key] != path and is_main_process():
                Path(path).unlink(missing_ok=True)
        self._set_best({key: new[key] or path for key, path in old.items()}, single)

    def _set_best(self, paths: dict[str, Any], single: bool) -> None:
        if single:
            self.best_ckpt_path = paths['']
        else:
            self.best_ckpt_path_dict.update(paths)

    def _leave(self, runner: Any, number: int, iteration: int) -> None:
        _wait(runner)
        raise StoppedBySignal(number, iteration, str(self.last_ckpt))


def _wait(runner: Any) -> None:
    if hasattr(runner, 'checkpoint_writer'):
        runner.checkpoint_writer.wait()
