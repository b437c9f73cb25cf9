"""From a tool's flags to its Runner: read the config, check it, build, run.

Importing this is quick; torch and mmengine are imported when a function needs them.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .allocators import keep_freed_memory
from .command_line import command_line

if TYPE_CHECKING:
    from mmengine.config import Config

    from cld_mm.engine.checkpoint import StoppedBySignal


def load_config(
    args: argparse.Namespace, notes: list[tuple[int, str]] | None = None
) -> 'Config':
    """The config with the common flags merged in.

    Args:
        args: the flags.
        notes: gets level and text of what was changed beside the options, and of
            warnings, to be logged.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: it cannot be read, or an option changes nothing.
    """
    from cld_mm.config.command_line_overrides import apply_options
    from cld_mm.config.read_config import read_config
    from cld_mm.config.schedules import length_mismatch

    cfg = read_config(args.config)
    options = dict(args.cfg_options)
    if getattr(args, 'epochs', None) is not None:
        options['train_cfg.max_epochs'] = args.epochs
    changes = apply_options(cfg, options)
    mismatch = length_mismatch(cfg)
    if notes is not None:
        notes += [(logging.INFO, change) for change in changes]
        notes += [(logging.WARNING, mismatch)] if mismatch else []
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif getattr(args, 'checkpoint', None):
        cfg.work_dir = str(results_folder(args) / 'evaluation')
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return cfg


def results_folder(args: argparse.Namespace) -> Path:
    """Where a tool that evaluates ``args.checkpoint`` writes its results.

    ``--work-dir``, else the checkpoint's folder if it can be written, else
    ``work_dirs/<config>``.
    """
    if args.work_dir is not None:
        return Path(args.work_dir)
    beside = Path(args.checkpoint).parent
    if os.access(beside, os.W_OK):
        return beside
    return Path('work_dirs') / Path(args.config).stem


def set_loader_defaults(
    cfg: 'Config', args: argparse.Namespace, persistent: bool
) -> None:
    """Fill in what every dataloader of the project wants.

    Memory is pinned only where there is an accelerator, and workers persist only where
    there are any (torch refuses both otherwise, or warns).
    """
    from cld_mm.config.tree import walk
    from cld_mm.distributed.process_group import has_accelerator

    for node in list(walk(cfg)):
        loader = node.value
        if not node.key.endswith('dataloader') or not isinstance(loader, dict):
            continue
        loader.setdefault('collate_fn', {'type': 'default_collate'})
        loader.setdefault('pin_memory', has_accelerator())
        loader.setdefault('persistent_workers', True)
        if args.no_pin_memory:
            loader['pin_memory'] = False
        if not persistent or not loader.get('num_workers'):
            loader['persistent_workers'] = False


def set_amp(cfg: 'Config', args: argparse.Namespace) -> None:
    """Turn mixed precision on in the optimizer wrapper, if asked for."""
    from cld_mm.distributed.process_group import has_accelerator

    if not (args.amp or args.amp_dtype):
        return
    cfg.optim_wrapper.type = 'PortableAmpOptimWrapper'
    default = 'float16' if has_accelerator() else 'bfloat16'
    cfg.optim_wrapper.dtype = args.amp_dtype or default


def run_tool(
    args: argparse.Namespace,
    prepare: Callable[['Config'], None],
    sections: tuple[str, ...],
    work: Callable[[Any], object],
) -> None:
    """Read, check, build and run, with errors as one line each.

    Args:
        args: flags, with the common ones among them.
        prepare: merges the tool's own flags into the config.
        sections: those whose data must be there.
        work: what to do with the runner.
    """
    keep_freed_memory()
    with command_line(args.debug) as run:
        from cld_mm.apis.run_config import run_config
        from cld_mm.config.check_structure import check_structure
        from cld_mm.config.failing_part import PartRecorder
        from cld_mm.engine.checkpoint import StoppedBySignal

        notes: list[tuple[int, str]] = []
        cfg = run.cfg = load_config(args, notes)
        check_structure(cfg)
        prepare(cfg)
        run.recorder = PartRecorder(cfg)

        def log_and_work(runner: Any) -> None:
            if 'train_dataloader' in sections:
                for level, note in notes:
                    runner.logger.log(level, note)
            work(runner)

        try:
            with run.recorder.recording():
                run_config(cfg, sections, log_and_work)
        except StoppedBySignal as stopped:
            _leave_as_asked(stopped)


def _leave_as_asked(stopped: 'StoppedBySignal') -> None:
    """End with the code that asks for a restart; see also tools/dist_train.sh."""
    from mmengine.dist import is_main_process

    from cld_mm.distributed.process_group import leave_distributed

    if is_main_process():
        print(stopped, file=sys.stderr, flush=True)
    # torchrun ends with 1 whatever its ranks end with; each node has one of its own.
    path = os.environ.get('CLD_MM_EXIT_FILE')
    if path and os.environ.get('LOCAL_RANK', '0') == '0':
        Path(path).write_text(str(stopped.code))
    leave_distributed(stopped.code)
    sys.exit(stopped.code)
