"""``cldmm config``: a config with everything it inherits."""

import argparse
from pathlib import Path

from cld_mm.cli.arguments import add_cfg_options

HELP = 'print the resolved config of a file or a run'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument('config', type=Path, help='config file, or folder of a run')
    parser.add_argument('--out', help='file to write: .py, .json or .yaml')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print it, or write it."""
    from cld_mm.cli.run_tool import load_config

    if args.config.is_dir():
        found = args.config / 'config.py'
        if not found.is_file():
            raise FileNotFoundError(f'{args.config} has no config.py of a run.')
        args.config = found
    args.config = str(args.config)
    args.launcher, args.work_dir, args.local_rank = 'none', None, 0
    cfg = load_config(args)
    if args.out:
        cfg.dump(args.out)
        print(args.out)
    else:
        print(cfg.pretty_text)
