"""Reproduce a published row: ``python tools/reproduce.py ROW [--max-minutes M]``.

Trains, evaluates by the paper's protocol, writes ``results/reproduce/<row>-*.json`` and
fills the README's column "ours". It stops after M minutes with an exact checkpoint
and resumes when called again. See docs/reproduce.md.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cld_mm.cli.arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train and evaluate a published row.')
    parser.add_argument('row', nargs='?', help='name of the recipe; none lists them')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--max-minutes', type=float, help='stop; call again to resume')
    parser.add_argument(
        '--epochs', type=int, help='a shortened row, which the README does not show'
    )
    add_cfg_options(parser)
    parser.add_argument('--results', type=Path, default=Path('results/reproduce'))
    parser.add_argument('--readme', type=Path, default=ROOT / 'README.md')
    parser.add_argument('--work-dir', type=Path)
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner

from cld_mm.cli.command_line import command_line
from cld_mm.cli.run_tool import set_loader_defaults
from cld_mm.config.check_values import check_config, check_data
from cld_mm.config.command_line_overrides import merge_options
from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint import StoppedBySignal
from cld_mm.engine.preemption.signals import leave_at_once
from cld_mm.fileio.environment import hardware, versions
from cld_mm.study.plan import StudyError
from cld_mm.study.reproduce import (
    fill_ours,
    keep_on_device,
    probe_config,
    row_config,
    rows,
    shorten,
)
from cld_mm.study.results import write_result
from cld_mm.study.revision import code_revision


def prepare(cfg: Config, args: argparse.Namespace, work_dir: Path) -> Config:
    """Merge the flags in and check the config and its data."""
    if args.epochs is not None:
        shorten(cfg, args.epochs)
    merge_options(cfg, args.cfg_options)
    cfg.work_dir = str(work_dir)
    loader_flags = argparse.Namespace(no_pin_memory=False)
    set_loader_defaults(cfg, loader_flags, persistent=True)
    check_config(cfg)
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    return cfg


def measured(runner: Runner, names: tuple[str, ...]) -> dict[str, float]:
    """The last values of what validation logged."""
    scalars = runner.message_hub.log_scalars
    return {
        name: round(float(scalars[f'val/{name}'].current()), 3)
        for name in names
        if f'val/{name}' in scalars
    }


def run(args: argparse.Namespace) -> None:
    """Train, evaluate and write."""
    start = time.time()
    kind = 'short' * (args.epochs is not None) or 'full'
    work_dir = args.work_dir or Path('work_dirs/reproduce') / (
        f'{args.row}-{kind}-seed{args.seed}'
    )
    out = args.results / f'{args.row}-{kind}-seed{args.seed}.json'
    if out.is_file():
        print(f'{out} is there already: {json.loads(out.read_text())["measures"]}')
        return
    cfg = prepare(row_config(args.row, ROOT, args.seed), args, work_dir)
    runner = build_runner(cfg)
    keep_on_device(runner, get_device())
    runner.train()
    measures = measured(runner, ('knn_backbone/top1', 'knn_instance/top1'))
    probe = probe_config(args.row, ROOT)
    if probe is not None:
        linear = Config.fromfile(probe)
        linear.launcher, linear.resume = 'none', True
        linear.model.backbone.init_cfg.checkpoint = str(
            work_dir / f'epoch_{cfg.train_cfg.max_epochs}.pth'
        )
        if args.epochs is not None:
            shorten(linear, args.epochs)
        linear.work_dir = str(work_dir / 'linear')
        runner = build_runner(linear)
        runner.train()
        measures |= measured(runner, ('accuracy/top1', 'accuracy/top5'))
    write_result(
        out,
        {
            'run': args.row,
            'kind': kind,
            'seed': args.seed,
            'epochs': cfg.train_cfg.max_epochs,
            'options': dict(args.cfg_options),
            'measures': measures,
            'revision': code_revision(),
            'hardware': hardware(),
            'versions': versions(),
            'command': ' '.join(['python', *sys.argv]),
            'seconds_of_last_call': round(time.time() - start, 1),
        },
    )
    print(f'{out}: {measures}')
    value = measures.get('accuracy/top1', measures.get('knn_instance/top1'))
    if kind == 'full' and not args.cfg_options and value is not None:
        text = fill_ours(args.readme.read_text(), args.row, f'{value:.1f}')
        args.readme.write_text(text)


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        if args.row is None:
            print('\n'.join(rows(ROOT)))
            return
        for name in ('epochs', 'max_minutes'):
            value = getattr(args, name)
            if value is not None and value <= 0:
                flag = name.replace('_', '-')
                raise StudyError(f'--{flag} must be above 0, got {value}.')
        leave_at_once('call again to resume')
        if args.max_minutes is not None:
            timer = threading.Timer(
                60 * args.max_minutes, os.kill, (os.getpid(), signal.SIGTERM)
            )
            timer.daemon = True
            timer.start()
        try:
            run(args)
        except StoppedBySignal as stopped:
            print(f'{stopped} Call again to resume.')
            sys.exit(stopped.code)


if __name__ == '__main__':
    main()
