"""QuietRunner: mmengine's Runner that leaves a terminal readable, on a CPU too.

It writes checkpoints in the background, as a whole or not at all, and resumes from the
newest that is whole.
"""

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

import mmengine
import torch
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.dist import barrier, get_rank, is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper, revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from cld_mm.registry import MODEL_WRAPPERS

from ..compat.cpu_distributed import has_accelerator
from ..compat.gradient_buckets import form_buckets
from ..datasets.seeded_sampler import mix_seed
from ..datasets.transforms import SeededCompose
from .bank_files import load_rows, remove_orphans, save_rows, sharded_bank
from .checkpoint import CheckpointError, CheckpointWriter
from .checkpoint.finite import check_finite
from .checkpoint.stop import leave_signals_to_the_rank
from .disk import end_with_the_log
from .resume import choose_together
from .sharding import has_split_parameters, joined, take_plain_states


class AboveTheBar(logging.Handler):
    """Prints log records above a progress bar, without the bulky ones.

    Lines of single training iterations, which the bar shows, and dumps of
    configuration, environment and hooks go to the log file alone.

    Args:
        replaced: the terminal's handler, whose format and level are kept.
    """

    def __init__(self, replaced: logging.Handler) -> None:
        super().__init__(replaced.level)
        self.setFormatter(replaced.formatter)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        bulky = message.count('\n') > 3 or 'Epoch(train)' in message
        if record.levelno >= logging.WARNING or not bulky:
            tqdm.write(self.format(record), file=sys.stderr)


class QuietRunner(Runner):
    """As mmengine's Runner; on a terminal it logs above the progress bar.

    Without an accelerator, synchronised BatchNorm, which needs one, becomes plain.
    """

    _has_loaded: bool
    _verified: str | None = None  # the checkpoint whose digests were looked at

    _fits_exactly = False  # while a run is resumed

    def wrap_model(self, model_wrapper_cfg, model):
        """Wrap the model for several ranks, if there are several."""
        if not has_accelerator():
            if any(isinstance(m, nn.SyncBatchNorm) for m in model.modules()):
                self.logger.warning(
                    'no accelerator: synchronised BatchNorm, which needs one, becomes '
                    'plain, with the statistics of each rank.'
                )
            model = revert_sync_batchnorm(model)
        kind = (model_wrapper_cfg or {}).get('type')
        if self.distributed and kind in MODEL_WRAPPERS.module_dict:
            # mmengine looks for its own alone.
            return MODEL_WRAPPERS.build(
                model_wrapper_cfg, default_args={'module': model.to(get_device())}
            )
        wrapped = super().wrap_model(model_wrapper_cfg, model)
        form_buckets(wrapped)
        return wrapped

    def _init_model_weights(self) -> None:
        # Split weights were initialised before they were split.
        if not has_split_parameters(self.model):
            super()._init_model_weights()

    def build_optim_wrapper(self, optim_wrapper) -> OptimWrapper:
        """As mmengine's; states of split weights load from plain checkpoints."""
        built: Any = super().build_optim_wrapper(optim_wrapper)
        if built is not optim_wrapper and has_split_parameters(self.model):
            take_plain_states(built.optimizer)
        return built

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As mmengine's; a loop without a 'type' is of the project's registry too."""
        if not isinstance(loop, BaseLoop) and 'type' not in loop:
            kind = 'Epoch' if loop['by_epoch'] else 'Iter'
            rest = {key: value for key, value in loop.items() if key != 'by_epoch'}
            loop = {'type': f'{kind}BasedTrainLoop', **rest}
        return super().build_train_loop(loop)

    @property
    def checkpoint_writer(self) -> CheckpointWriter:
        """What writes this run's checkpoints."""
        if not hasattr(self, '_checkpoint_writer'):
            self._checkpoint_writer = CheckpointWriter()
        return self._checkpoint_writer

    @staticmethod
    def build_dataloader(dataloader, seed=None, diff_rank_seed=False) -> DataLoader:
        """As mmengine's, but nothing in it depends on where a run was interrupted.

        Loaders draw from a generator of their own, never from training's; a sample's
        augmentations from its own seed; and workers leave signals to their rank.
        """
        loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        if isinstance(dataloader, DataLoader):
            return loader
        if not len(loader):
            raise ValueError(
                f'a dataloader of {len(loader.dataset)} images has no whole batch of '  # type: ignore[arg-type]
                f'batch_size {loader.batch_size} a rank: lower it, or set '
                'drop_last=False.'
            )
        if seed is not None:
            loader.generator = torch.Generator().manual_seed(
                mix_seed(seed, 0, get_rank()) % 2**63
            )
        _seed_pipelines(loader.dataset)
        loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
        return loader

    def load_or_resume(self) -> None:
        """Load, or resume from the newest whole checkpoint or from that named.

        Raises:
            CheckpointError: the one that is named is damaged, or all are.
        """
        if self._has_loaded or not self._resume:
            super().load_or_resume()
            return
        chosen = choose_together(self.work_dir, self._load_from)
        if chosen is None:
            return
        self._verified = chosen
        try:
            self.resume(chosen)
        except FileNotFoundError as error:
            raise CheckpointError(
                f'{error} It was there when it was chosen a moment ago: '
                'go on with --resume, which looks again.'
            ) from error
        self._has_loaded = True

    def resume(self, filename, *args, map_location='default', **kwargs) -> None:
        """As mmengine's, reading into CPU memory: other ranks' states are in it too.

        Raises:
            CheckpointError: the checkpoint is of another model; mmengine warns, and
                goes on with what fits.
        """
        where = 'cpu' if map_location == 'default' else map_location
        self._fits_exactly = True
        super().resume(filename, *args, map_location=where, **kwargs)
        self._fits_exactly = False

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """As mmengine's, but returns once the state is copied; a thread writes it.

        A file on a remote store is written by mmengine at once.

        Args:
            then: called in the thread, once the file is there.
            out_dir, filename, file_client_args, save_optimizer, save_param_scheduler,
                meta, by_epoch, backend_args: as in mmengine's Runner.

        Raises:
            FloatingPointError: on every rank: a weight or buffer is not finite.
        """
        model = self.model.module if is_model_wrapper(self.model) else self.model
        check_finite(model, (meta or {}).get('iter') or self.iter, self.work_dir)
        bank = sharded_bank(self.model)
        if bank is not None:
            # Every rank its rows, once the writer no longer looks for orphans.
            if is_main_process():
                self.checkpoint_writer.wait()
            barrier()
            save_rows(bank, Path(out_dir) / filename)
        local = file_client_args is None and isinstance(
            get_file_backend(out_dir, backend_args=backend_args), LocalBackend
        )
        split = has_split_parameters(self.model)
        optimizer: Any = getattr(self.optim_wrapper, 'optimizer', None)
        if not local and (split or hasattr(optimizer, 'consolidate_state_dict')):
            raise CheckpointError(
                f'{out_dir} is on a remote store, where weights or states that are '
                'split over ranks cannot be saved: give a local folder as work_dir.'
            )
        # States of the optimiser may be split too, and are joined by all ranks.
        state = {'state_dict': model.state_dict()}
        if save_optimizer:
            state['optimizer'] = self.optim_wrapper.state_dict()
        if split:
            state = joined(state, keep=is_main_process())
        if not is_main_process():
            return
        done = partial(_finish, then, out_dir if bank is not None else None)
        if not local:
            super().save_checkpoint(
                out_dir,
                filename,
                file_client_args,
                save_optimizer,
                save_param_scheduler,
                meta,
                by_epoch,
                backend_args,
            )
            done()
            return
        checkpoint: dict[str, Any] = {
            'meta': {
                'epoch': self.epoch + by_epoch,
                'iter': self.iter + (not by_epoch),
                **(meta or {}),
                'cfg': self.cfg.pretty_text,
                'seed': self.seed,
                'experiment_name': self.experiment_name,
                'time': time.strftime('%Y%m%d_%H%M%S'),
                'mmengine_version': mmengine.__version__,
                'dataset_meta': getattr(
                    self.train_dataloader.dataset, 'metainfo', None
                ),
            },
            'message_hub': self.message_hub.state_dict(),
        }
        checkpoint |= state
        if save_param_scheduler and self.param_schedulers is not None:
            schedulers: Any = self.param_schedulers
            checkpoint['param_schedulers'] = (
                {n: [s.state_dict() for s in own] for n, own in schedulers.items()}
                if isinstance(schedulers, dict)
                else [scheduler.state_dict() for scheduler in schedulers]
            )
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        self.checkpoint_writer.submit(checkpoint, Path(out_dir) / filename, done)

    def load_checkpoint(self, filename: str, *args, **kwargs):
        """Load as mmengine does, and this rank's rows of a sharded bank."""
        if self._fits_exactly:
            kwargs['strict'] = True
        try:
            checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        except RuntimeError as error:
            if 'do not match exactly' not in str(error):
                raise
            what = shorten(str(error).partition('\n')[2], 200, placeholder=' ...')
            raise CheckpointError(
                f'the checkpoint {filename} is of another model ({what}): '
                'resume with the config that it was written by, or take its weights '
                'alone by load_from.'
            ) from error
        bank = sharded_bank(self.model)
        if bank is not None and 'bank.features' not in checkpoint['state_dict']:
            load_rows(bank, filename, checked=filename == self._verified)
        return checkpoint

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """The logger, its terminal handler replaced where there is a terminal.

        A log file that cannot be written ends the run.
        """
        logger = super().build_logger(*args, **kwargs)
        end_with_the_log(logger)
        if is_main_process() and sys.stderr.isatty():
            for handler in list(logger.handlers):
                if type(handler) is logging.StreamHandler:
                    logger.removeHandler(handler)
                    logger.addHandler(AboveTheBar(handler))
        return logger


def _seed_pipelines(dataset: Any) -> None:
    """Let pipelines draw from the sample's own seed, those of inner data sets too."""
    pipeline: Any = getattr(dataset, 'pipeline', None)
    if type(pipeline) is Compose:
        dataset.pipeline = SeededCompose(pipeline.transforms)
        # mmengine's place for an image instead of a broken one.
        dataset._rand_another = partial(dataset.pipeline.another, dataset)
    inner = [vars(dataset).get('dataset'), *vars(dataset).get('datasets', [])]
    for other in inner:
        if hasattr(other, '__dict__'):
            _seed_pipelines(other)


def _start_worker(before: Callable[[int], None] | None, number: int) -> None:
    leave_signals_to_the_rank()
    if before is not None:
        before(number)


def _finish(then: Callable[[], None] | None, bank_dir: str | None) -> None:
    """What follows a written file: the caller's part, then banks without a file go."""
    if then is not None:
        then()
    if bank_dir is not None:
        remove_orphans(bank_dir)
