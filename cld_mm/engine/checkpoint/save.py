"""Save a run's state, whole or not at all."""

import time
from pathlib import Path
from typing import Any

import mmengine
from mmengine.dist import all_gather_object, is_main_process
from mmengine.utils import apply_to
from torch import Tensor

from cld_mm.distributed.sharded_tensors import has_split_parameters, joined
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.finite_checks import check_finite

from .bank_rows import save_rows, sharded_bank
from .file_format import CheckpointError, write_checkpoint
from .resume_settings import training_settings


def save_state(
    runner: Any,
    path: Path,
    meta: dict[str, Any],
    by_epoch: bool,
    save_optimizer: bool,
    save_param_scheduler: bool,
) -> None:
    """Write a checkpoint; all ranks call it and return once it is on disk.

    Each rank writes its rows of a sharded bank, rank 0 the rest.

    Args:
        runner: a ResumableRunner.
        path: of the checkpoint.
        meta, by_epoch, save_optimizer, save_param_scheduler: as in mmengine's Runner.

    Raises:
        FloatingPointError: on every rank: a weight or buffer is not finite.
        CheckpointError: on every rank: rank 0 could not write the file.
    """
    runner.call_hook('before_save_state')
    model = unwrap_model(runner.model)
    check_finite(model, meta.get('iter') or runner.iter, runner.work_dir)
    bank = sharded_bank(model)
    if bank is not None:
        save_rows(bank, path)
    state = {'state_dict': model.state_dict()}
    if save_optimizer:
        state['optimizer'] = runner.optim_wrapper.state_dict()
    if has_split_parameters(runner.model):  # all ranks help to join them
        state = joined(state, keep=is_main_process())
    error = None
    if is_main_process():
        checkpoint = {**_description(runner, meta, by_epoch), **state}
        if save_param_scheduler and runner.param_schedulers is not None:
            checkpoint['param_schedulers'] = [
                scheduler.state_dict() for scheduler in runner.param_schedulers
            ]
        runner.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        try:
            write_checkpoint(_in_cpu_memory(checkpoint), path)
        except CheckpointError as failure:
            error = failure
    if any(all_gather_object(error is not None)):
        raise error or CheckpointError(
            'rank 0 could not write a checkpoint, and names the reason; the older '
            'ones are kept: continue with --resume.'
        )


def _description(runner: Any, meta: dict[str, Any], by_epoch: bool) -> dict[str, Any]:
    dataset = runner.train_dataloader.dataset
    return {
        'meta': {
            'epoch': runner.epoch + by_epoch,
            'iter': runner.iter + (not by_epoch),
            **meta,
            'cfg': runner.cfg.pretty_text,
            'settings': training_settings(runner.cfg),
            'seed': runner.seed,
            'experiment_name': runner.experiment_name,
            'time': time.strftime('%Y%m%d_%H%M%S'),
            'mmengine_version': mmengine.__version__,
            'dataset_meta': getattr(dataset, 'metainfo', None),
        },
        'message_hub': runner.message_hub.state_dict(),
    }


def _in_cpu_memory(checkpoint: dict[str, Any]) -> dict[str, Any]:
    copied = apply_to(
        checkpoint, lambda v: isinstance(v, Tensor), lambda v: v.detach().cpu()
    )
    if hasattr(checkpoint['state_dict'], '_metadata'):  # versions of its modules
        copied['state_dict']._metadata = checkpoint['state_dict']._metadata
    return copied
