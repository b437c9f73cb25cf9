"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [flags]``.

A pre-training config is evaluated by kNN, a probe's by its accuracy.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import checkpoint_parser
from cld_mm.cli.command_line import command_line
from cld_mm.cli.frozen_backbone import load_weights
from cld_mm.cli.run_tool import results_folder, run_tool, set_loader_defaults

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def parse_args() -> argparse.Namespace:
    parser = checkpoint_parser('Evaluate a checkpoint.')
    parser.add_argument(
        '--out',
        help='JSON file for the metrics, else test_<checkpoint>.json in --work-dir or '
        'beside the checkpoint; or .pkl file for predictions',
    )
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        default='metrics',
        help='what --out holds',
    )
    return parser.parse_args()


def merge(cfg: 'Config', args: argparse.Namespace) -> None:
    """Merge this tool's own flags into the config."""
    set_loader_defaults(cfg, args, persistent=False)
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'the checkpoint {args.checkpoint} does not exist.')
    if cfg.get('test_cfg') is None:
        raise ValueError(
            f'{args.config} has no test_cfg: add test_cfg, test_dataloader and '
            'test_evaluator.'
        )
    cfg.load_from = args.checkpoint
    # The checkpoint brings the weights; the one it started from may be gone.
    if cfg.model.get('backbone', {}).get('init_cfg', {}):
        cfg.model.backbone.pop('init_cfg')
    if (args.amp or args.amp_dtype) and 'type' not in cfg.test_cfg:
        cfg.test_cfg.fp16 = True


def evaluate(runner: 'Runner', args: argparse.Namespace) -> None:
    """Test, print the metrics and write what was asked for."""
    from mmengine.dist import is_main_process
    from mmengine.evaluator import DumpResults

    from cld_mm.cli.results_json import write_results

    load_weights(runner)
    if args.out and args.out_item == 'pred':
        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
    metrics = {name: float(value) for name, value in runner.test().items()}
    if not is_main_process():
        return
    for name, value in metrics.items():
        print(f'{name:24s} {value:7.2f}')
    out = args.out if args.out_item == 'metrics' else None
    write_results(metrics, out, results_folder(args), 'test', args.checkpoint)


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        from cld_mm.engine.preemption.signals import leave_at_once

    leave_at_once('start it again')
    run_tool(
        args,
        lambda cfg: merge(cfg, args),
        ('test_dataloader', 'test_cfg'),
        lambda runner: evaluate(runner, args),
    )


if __name__ == '__main__':
    main()
