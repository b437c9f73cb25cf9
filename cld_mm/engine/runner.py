"""ResumableRunner: mmengine's Runner with exact resume, also on a CPU.

It writes checkpoints whole or not at all, and resumes from the newest intact one.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_rank, is_main_process
from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader

from cld_mm.datasets.image_cache import cache_images
from cld_mm.datasets.loading_settings import report_skipped_images, settle_loading
from cld_mm.datasets.samplers.seeded_sampler import mix_seed
from cld_mm.datasets.value_range import use_value_range, value_range_of
from cld_mm.distributed.gradient_buckets import form_buckets
from cld_mm.distributed.process_group import has_accelerator
from cld_mm.distributed.sharded_tensors import (
    has_split_parameters,
    take_plain_states,
)
from cld_mm.engine.checkpoint.save import save_state
from cld_mm.fileio.disk_errors import use_strict_log_files
from cld_mm.fileio.terminal_log import shorten_terminal_log
from cld_mm.registry import MODEL_WRAPPERS

from .checkpoint import CheckpointError
from .checkpoint.bank_rows import load_rows, sharded_bank
from .checkpoint.discovery import choose_together
from .checkpoint.load_parts import load_parts
from .checkpoint.resume_settings import ResumePlan
from .class_lists import check_same_classes, with_classes, with_training_classes
from .seeded_loaders import seed_pipelines, start_worker


class ResumableRunner(Runner):
    """mmengine's Runner with a short terminal log and checkpoints that resume exactly.

    Without an accelerator, synchronized BatchNorm, which needs one, becomes plain.
    """

    _has_loaded: bool
    _train_dataloader: Any
    _val_dataloader: Any
    _test_dataloader: Any
    optim_wrapper: Any
    param_schedulers: Any
    _plan: ResumePlan | None = None  # while a run is resumed
    # Of the checkpoint loaded last.
    stored_classes: Sequence[str] | None = None
    stored_value_range: tuple[float, float] | None = None

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the model if there are several ranks."""
        if not has_accelerator():
            if any(isinstance(m, nn.SyncBatchNorm) for m in model.modules()):
                self.logger.warning(
                    'no accelerator: synchronized BatchNorm, which needs one, becomes '
                    'plain, with statistics per rank.'
                )
            model = revert_sync_batchnorm(model)
        kind = (model_wrapper_cfg or {}).get('type')
        if self.distributed and kind in MODEL_WRAPPERS.module_dict:
            # mmengine searches only its own registry.
            return MODEL_WRAPPERS.build(
                model_wrapper_cfg, default_args={'module': model.to(get_device())}
            )
        wrapped = super().wrap_model(model_wrapper_cfg, model)
        form_buckets(wrapped)
        return wrapped

    def _init_model_weights(self) -> None:
        # Split weights were initialized before they were split.
        if not has_split_parameters(self.model):
            super()._init_model_weights()

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper:
        """As mmengine's; states of split weights load from plain checkpoints."""
        built: Any = super().build_optim_wrapper(optim_wrapper)
        if built is not optim_wrapper and has_split_parameters(self.model):
            take_plain_states(built.optimizer)
        return built

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As mmengine's; a loop without a 'type' is one of this project."""
        if not isinstance(loop, BaseLoop) and 'type' not in loop:
            kind = 'Epoch' if loop['by_epoch'] else 'Iter'
            rest = {key: value for key, value in loop.items() if key != 'by_epoch'}
            loop = {'type': f'Resumable{kind}Loop', **rest}
        self._train_dataloader = with_classes(self._train_dataloader, None)
        return super().build_train_loop(loop)

    def train(self) -> nn.Module:
        """As mmengine's; broken images that were skipped are listed at the end."""
        model = super().train()
        report_skipped_images(self.train_dataloader.dataset)
        return model

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As mmengine's; labels count along the classes of training."""
        self._val_dataloader = with_training_classes(self, self._val_dataloader, loop)
        return self._with_training_range(super().build_val_loop(loop))

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As mmengine's; labels count along the classes of training."""
        self._test_dataloader = with_training_classes(self, self._test_dataloader, loop)
        return self._with_training_range(super().build_test_loop(loop))

    def _with_training_range(self, loop: BaseLoop) -> BaseLoop:
        found = self.stored_value_range
        if isinstance(self._train_loop, BaseLoop):
            found = value_range_of(self.train_dataloader.dataset)
        use_value_range(loop.dataloader.dataset, found)
        return loop

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict,
        seed: int | None = None,
        diff_rank_seed: bool = False,
    ) -> DataLoader:
        """As mmengine's; draws do not depend on workers or on interruptions."""
        loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        if isinstance(dataloader, DataLoader):
            return loader
        if not len(loader):
            raise ValueError(
                f'{len(loader.dataset)} images give no full batch of batch_size '  # type: ignore[arg-type]
                f'{loader.batch_size} per rank: lower it, or set drop_last=False.'
            )
        if seed is not None:
            loader.generator = torch.Generator().manual_seed(
                mix_seed(seed, 0, get_rank()) % 2**63
            )
        settle_loading(loader.dataset)
        cache_images(loader.dataset)
        seed_pipelines(loader.dataset)
        loader.worker_init_fn = partial(start_worker, loader.worker_init_fn)
        return loader

    def load_or_resume(self) -> None:
        """Load, or resume from the given checkpoint or the newest intact one.

        Raises:
            CheckpointError: the given one is damaged, or all are.
        """
        if self._has_loaded or not self._resume:
            super().load_or_resume()
            return
        chosen = choose_together(self.work_dir, self._load_from)
        if chosen is None:
            return
        try:
            self.resume(chosen)
        except FileNotFoundError as error:
            raise CheckpointError(
                f'{error} It existed a moment ago: run again with --resume, which '
                'searches again.'
            ) from error
        self._has_loaded = True

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: Any = 'default',
    ) -> None:
        """As mmengine's, reading into CPU memory: other ranks' states are in it too.

        Raises:
            CheckpointError: the checkpoint is of another model, or changed settings
                cannot be applied (see :class:`ResumePlan`).
        """
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None:
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        self._plan = ResumePlan(self, filename)
        super().resume(
            filename,
            resume_optimizer,
            resume_param_scheduler and self._plan.takes_saved_schedules,
            map_location='cpu' if map_location == 'default' else map_location,
        )
        self._plan.apply()
        self._plan = None
        check_same_classes(self, filename)

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
    ) -> None:
        """As mmengine's, to a local folder; see :func:`save_state`."""
        save_state(
            self,
            Path(out_dir) / filename,
            meta or {},
            by_epoch,
            save_optimizer,
            save_param_scheduler,
        )

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load weights strictly, and this rank's rows of a sharded bank.

        A resumed model must fit exactly. By ``load_from``, each part of the model is
        loaded as a whole or not at all, and the backbone must be.
        """
        if self._plan is None:
            checkpoint = load_parts(self, filename)
            self._has_loaded = True
        else:
            try:
                checkpoint = super().load_checkpoint(
                    filename, *args, **{**kwargs, 'strict': True}
                )
            except RuntimeError as error:
                raise self._plan.misfit(error) from error
            bank = sharded_bank(self.model)
            if bank is not None and 'bank.features' not in checkpoint['state_dict']:
                load_rows(bank, filename)
        meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
        self.stored_classes = meta.get('classes')
        self.stored_value_range = meta.get('value_range')
        return checkpoint

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """With a shorter log on the terminal; failing to write the file is an error."""
        logger = super().build_logger(*args, **kwargs)
        use_strict_log_files(logger)
        if is_main_process():
            shorten_terminal_log(logger)
        return logger
