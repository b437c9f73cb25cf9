"""A short log on the terminal; the log file has all of it."""

import logging
import sys
import warnings
from typing import TextIO

from mmengine.logging import print_log
from tqdm import tqdm

# Of mmengine, and about nothing that a user can change. The file has them.
DROPPED = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'Distributed training is not used, all SyncBatchNorm',
    'Checkpoints will be saved to',
    'Exp name: ',
    'paramwise_options -- ',
)


class TerminalHandler(logging.Handler):
    """Prints log records above a progress bar, without dumps and repeated notices.

    Dumps of configuration, environment and hooks go to the log file only; so do lines
    of single training iterations where a progress bar shows them.

    Args:
        replaced: the terminal's handler, whose format and level are kept.
        has_bar: whether a progress bar shows iterations.
    """

    def __init__(self, replaced: logging.Handler, has_bar: bool) -> None:
        super().__init__(replaced.level)
        self.setFormatter(replaced.formatter)
        self.has_bar = has_bar
        self.stream = sys.stderr  # mmengine's MLflow backend expects one

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        is_dump = message.count('\n') > 2 and record.levelno < logging.WARNING
        on_bar = self.has_bar and message.startswith('Epoch(train)')
        if not (is_dump or on_bar or message.startswith(DROPPED)):
            tqdm.write(self.format(record), file=sys.stderr)


def shorten_terminal_log(logger: logging.Logger) -> None:
    """Let a logger of mmengine's print through a TerminalHandler."""
    for handler in list(logger.handlers):
        if type(handler) is logging.StreamHandler:
            logger.removeHandler(handler)
            logger.addHandler(TerminalHandler(handler, sys.stderr.isatty()))


def log_warnings() -> None:
    """Let Python's warnings go to mmengine's log, file included, as one line each."""
    warnings.showwarning = _log_warning


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print_log(' '.join(str(message).split()), 'current', logging.WARNING)
