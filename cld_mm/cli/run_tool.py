"""What tools/train.py and tools/test.py share: flags, config, runner."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from cld_mm.config.check_parallelism import check_parallel
from cld_mm.config.check_sections import check_sections
from cld_mm.config.check_values import check_config, check_data
from cld_mm.config.command_line_overrides import OptionsAction, check_option
from cld_mm.config.error import ConfigError
from cld_mm.config.untrusted_config import load_safe_config
from cld_mm.distributed.process_group import (
    has_accelerator,
    leave_distributed,
    prepare_distributed,
)
from cld_mm.distributed.rank_watchdog import watching
from cld_mm.engine.checkpoint import StoppedBySignal
from cld_mm.engine.consistency.setup import check_same_setup, resume_together
from cld_mm.engine.runner import ResumableRunner

from .allocators import keep_freed_memory
from .error_messages import one_sentence_errors


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of every tool that builds a Runner."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default=None,
        metavar='KEY=VALUE',
        help='settings that replace those of the config, such as '
        'model.queue_len=4096; lists as key="[a,b]"',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on a GPU, bfloat16 on a CPU',
    )
    parser.add_argument(
        '--amp-dtype',
        choices=['float16', 'bfloat16'],
        help="mixed precision's type, with --amp",
    )
    parser.add_argument(
        '--no-pin-memory',
        action='store_true',
        help='do not pin the memory of loaded batches',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several ranks were started',
    )
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='set by the launcher'
    )
    parser.add_argument(
        '--safe-config',
        action='store_true',
        help="take a stranger's JSON or YAML dump and run nothing in it",
    )
    parser.add_argument(
        '--debug', action='store_true', help='show the whole traceback of an error'
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config with the common flags merged in.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: it cannot be read, or an option's first key is not in it.
    """
    if not Path(args.config).is_file():
        raise FileNotFoundError(
            f'the config {args.config} does not exist: the recipes are in configs/.'
        )
    try:
        safe = getattr(args, 'safe_config', False)
        cfg = (load_safe_config if safe else Config.fromfile)(args.config)
    except SyntaxError as error:
        where = (error.filename or '').replace('<unknown>', '')
        raise ConfigError(
            f'the config {where or args.config} cannot be read: '
            f'{error.msg} in line {error.lineno}.'
        ) from error
    except ConfigError:
        raise
    except Exception as error:  # a Python config is a program, and may raise anything
        reason = ' '.join(str(error).split())[:300].rstrip('.')
        raise ConfigError(
            f'the config {args.config} cannot be read: {type(error).__name__}'
            f'{": " * bool(reason)}{reason}.'
        ) from error
    options = args.cfg_options or {}
    for option, value in options.items():
        check_option(cfg, option, value)
    cfg.merge_from_dict(options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return cfg


def set_loader_defaults(
    cfg: Config, args: argparse.Namespace, persistent: bool
) -> None:
    """Fill in what every dataloader of the project wants.

    Memory is pinned only where there is an accelerator, and workers persist
    only where there are any (torch refuses both otherwise, or warns).
    """
    names = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    loops = [cfg.get(name) or {} for name in ('val_cfg', 'test_cfg')]  # KNNLoop's own
    for owner, name in [
        *((cfg, name) for name in names),
        *((x, names[0]) for x in loops),
    ]:
        loader = owner.get(name)
        if not isinstance(loader, dict):  # none, or an error for check_config
            continue
        loader.setdefault('collate_fn', {'type': 'default_collate'})
        loader.setdefault('pin_memory', has_accelerator())
        loader.setdefault('persistent_workers', True)
        if args.no_pin_memory:
            loader['pin_memory'] = False
        if not persistent or not loader.get('num_workers'):
            loader['persistent_workers'] = False


def set_amp(cfg: Config, args: argparse.Namespace) -> None:
    """Turn mixed precision on in the optimiser wrapper, if asked for."""
    if not (args.amp or args.amp_dtype):
        return
    cfg.optim_wrapper.type = 'PortableAmpOptimWrapper'
    default = 'float16' if has_accelerator() else 'bfloat16'
    cfg.optim_wrapper.dtype = args.amp_dtype or default


def build_runner(cfg: Config) -> Runner:
    """The config's runner: ResumableRunner unless it names another."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return ResumableRunner.from_cfg(cfg)


def run_tool(
    args: argparse.Namespace,
    prepare: Callable[[Config], None],
    dataloaders: tuple[str, ...],
    work: Callable[[Runner], object],
) -> None:
    """Load, check, build and run, with errors as one sentence each.

    Args:
        args: flags, with the common ones among them.
        prepare: merges the tool's own flags into the config.
        dataloaders: those whose data must be there.
        work: what to do with the runner.
    """
    keep_freed_memory()
    with one_sentence_errors(args.debug) as configs:
        cfg = load_config(args)
        configs.append(cfg)
        check_sections(cfg)
        prepare(cfg)
        check_config(cfg)
        if 'train_dataloader' in dataloaders:  # evaluating splits nothing
            check_parallel(cfg)
        check_data(cfg, *dataloaders)
        prepare_distributed(cfg)
        try:
            with watching(cfg.get('env_cfg', {}).get('watchdog_cfg')):
                resume_together(cfg)
                check_same_setup(cfg)
                work(build_runner(cfg))
        except StoppedBySignal as stopped:
            _leave_as_asked(stopped)
        leave_distributed()


def _leave_as_asked(stopped: StoppedBySignal) -> None:
    """End with the code that asks for a restart; see also tools/dist_train.sh."""
    if is_main_process():
        print(stopped, file=sys.stderr, flush=True)
    # torchrun ends with 1 whatever its ranks end with; each node has one of its own.
    path = os.environ.get('CLD_MM_EXIT_FILE')
    if path and os.environ.get('LOCAL_RANK', '0') == '0':
        Path(path).write_text(str(stopped.code))
    leave_distributed(stopped.code)
    sys.exit(stopped.code)
