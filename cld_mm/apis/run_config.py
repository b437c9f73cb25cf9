"""Run a resolved config, in this process or on several devices."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config

RANK_MODULE = 'cld_mm.cli.train_rank'  # what each process runs


def run_config(
    cfg: 'Config', sections: tuple[str, ...], work: Callable[[Any], object]
) -> None:
    """Check a config, build its runner and do the work, on this rank.

    Args:
        cfg: the resolved config.
        sections: those whose data must be there.
        work: what to do with the runner.

    Raises:
        ConfigError, ValueError: a setting is invalid.
        StoppedBySignal: a signal ended training; it has saved a checkpoint.
    """
    from cld_mm.config.check_parallelism import check_parallel
    from cld_mm.config.check_values import check_config, check_data
    from cld_mm.distributed.process_group import leave_distributed, prepare_distributed
    from cld_mm.distributed.rank_watchdog import watching
    from cld_mm.engine.build import build_runner
    from cld_mm.engine.consistency.setup import check_same_setup, resume_together

    check_config(cfg)
    if 'train_dataloader' in sections:  # evaluating splits nothing
        check_parallel(cfg)
    check_data(cfg, *sections)
    prepare_distributed(cfg)
    with watching(cfg.get('env_cfg', {}).get('watchdog_cfg')):
        resume_together(cfg)
        check_same_setup(cfg)
        work(build_runner(cfg))
    leave_distributed()


def train(cfg: 'Config') -> None:
    """Train by a config, on this rank; raises as :func:`run_config`."""
    run_config(cfg, ('train_dataloader',), lambda runner: runner.train())


def train_on_devices(config: Path, devices: int, resume: bool) -> int:
    """Train in one process per device; the exit code of torchrun.

    Args:
        config: a resolved config.
        devices: how many.
        resume: continue from the newest checkpoint in the config's work dir.
    """
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    command += [f'--nproc_per_node={devices}', '-m', RANK_MODULE, str(config)]
    threads = max(1, (os.cpu_count() or 1) // devices)
    environment = {'OMP_NUM_THREADS': str(threads), **os.environ}
    return subprocess.call(command + ['--resume'] * resume, env=environment)  # noqa: S603 our own tool
