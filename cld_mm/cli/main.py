"""The ``cldmm`` command; each of its subcommands is a file of ``commands``."""

import argparse
import importlib
from typing import NoReturn

COMMANDS: tuple[str, ...] = (
    'pretrain',
    'embed',
    'explore',
    'knn',
    'linear',
    'finetune',
    'compare',
)
COMMANDS += ('report', 'export', 'data', 'config')


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error without the usage, and exit with code 2."""
        self.exit(2, f'error: {message} (see {self.prog} --help)\n')


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; imports nothing heavy."""
    from cld_mm.version import __version__

    parser = OneLineParser(
        prog='cldmm',
        description='Self-supervised pre-training on your own images, and what to do '
        'with the result.',
    )
    parser.add_argument('--version', action='version', version=f'cldmm {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name in COMMANDS:
        module = importlib.import_module(f'cld_mm.cli.commands.{name}')
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.add_argument('--debug', action='store_true', help='show tracebacks')
    add_completion(parser)
    return parser


def add_completion(parser: argparse.ArgumentParser) -> None:
    """``--print-completion bash|zsh|tcsh``, where shtab is installed."""
    try:
        import shtab
    except ImportError:
        return
    shtab.add_argument_to(parser, ['--print-completion'])


def main(argv: list[str] | None = None) -> None:
    """Run one subcommand; what the user got wrong ends in one line and code 2."""
    args = build_parser().parse_args(argv)
    from cld_mm.cli.command_line import command_line

    with command_line(args.debug):
        importlib.import_module(f'cld_mm.cli.commands.{args.command}').run(args)


if __name__ == '__main__':
    main()
