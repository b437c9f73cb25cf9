"""Save a run's state: copied at once, written in the background."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mmengine
from mmengine.dist import barrier, is_main_process
from mmengine.fileio import LocalBackend, get_file_backend

from cld_mm.distributed.sharded_tensors import has_split_parameters, joined
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.finite_checks import check_finite

from .bank_rows import remove_orphans, save_rows, sharded_bank
from .file_format import CheckpointError
from .resume_settings import training_settings


def is_remote(
    out_dir: str, file_client_args: dict | None, backend_args: dict | None
) -> bool:
    """Whether mmengine would write to another store than the local disk."""
    return file_client_args is not None or not isinstance(
        get_file_backend(out_dir, backend_args=backend_args), LocalBackend
    )


def save_state(
    runner: Any,
    path: Path,
    meta: dict[str, Any],
    by_epoch: bool,
    save_optimizer: bool,
    save_param_scheduler: bool,
    then: Callable[[], None] | None,
    write_remotely: Callable[[], None] | None,
) -> None:
    """Copy the state of a run and hand it to its background writer.

    All ranks call it: each writes its rows of a sharded bank, rank 0 the rest.

    Args:
        runner: a ResumableRunner.
        path: of the checkpoint.
        meta, by_epoch, save_optimizer, save_param_scheduler: as in mmengine's Runner.
        then: called in the writer's thread once the file is on disk.
        write_remotely: mmengine's own saving, for a remote store; None writes locally.

    Raises:
        FloatingPointError: on every rank: a weight or buffer is not finite.
        CheckpointError: split weights or states cannot go to a remote store.
    """
    runner.call_hook('before_save_state')
    model = unwrap_model(runner.model)
    check_finite(model, meta.get('iter') or runner.iter, runner.work_dir)
    bank = sharded_bank(runner.model)
    if bank is not None:
        # Each rank writes its rows once the writer has stopped removing orphans.
        if is_main_process():
            runner.checkpoint_writer.wait()
        barrier()
        save_rows(bank, path)
    split = has_split_parameters(runner.model)
    optimizer: Any = getattr(runner.optim_wrapper, 'optimizer', None)
    if write_remotely and (split or hasattr(optimizer, 'consolidate_state_dict')):
        raise CheckpointError(
            f'{path.parent} is on a remote store, where weights or states that are '
            'split over ranks cannot be saved: give a local folder as work_dir.'
        )
    # Optimizer states may be split too; all ranks help to join them.
    state = {'state_dict': model.state_dict()}
    if save_optimizer:
        state['optimizer'] = runner.optim_wrapper.state_dict()
    if split:
        state = joined(state, keep=is_main_process())
    if not is_main_process():
        return
    done = partial(_finish, then, str(path.parent) if bank is not None else None)
    if write_remotely:
        write_remotely()
        done()
        return
    checkpoint = {**_description(runner, meta, by_epoch), **state}
    if save_param_scheduler and runner.param_schedulers is not None:
        schedulers = runner.param_schedulers
        checkpoint['param_schedulers'] = (
            {n: [s.state_dict() for s in own] for n, own in schedulers.items()}
            if isinstance(schedulers, dict)
            else [scheduler.state_dict() for scheduler in schedulers]
        )
    runner.call_hook('before_save_checkpoint', checkpoint=checkpoint)
    runner.checkpoint_writer.submit(checkpoint, path, done)


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


def _finish(then: Callable[[], None] | None, bank_dir: str | None) -> None:
    """Call ``then``, then delete banks whose checkpoint is gone."""
    if then is not None:
        then()
    if bank_dir is not None:
        remove_orphans(bank_dir)
