"""Print a config with everything it inherits: ``print_config.py CONFIG``.

``--out`` writes it to a Python, JSON or YAML file.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import add_common_flags
from cld_mm.cli.command_line import command_line
from cld_mm.cli.run_tool import load_config


def main() -> None:
    parser = argparse.ArgumentParser(description='Print a resolved config.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', help='file to dump it to: .json, .yaml or .py')
    add_common_flags(parser)
    args = parser.parse_args()
    with command_line(args.debug):
        cfg = load_config(args)
        if args.out:
            cfg.dump(args.out)
        else:
            print(cfg.pretty_text)


if __name__ == '__main__':
    main()
