"""Log lines on a terminal, above the progress bar."""

import logging
import sys

from tqdm import tqdm


class AboveTheBar(logging.Handler):
    """Prints log records above a progress bar, without the bulky ones.

    Lines of single training iterations, which the bar shows, and dumps of
    configuration, environment and hooks go to the log file alone.

    Args:
        replaced: the terminal's handler, whose format and level are kept.
    """

    def __init__(self, replaced: logging.Handler) -> None:
        super().__init__(replaced.level)
        self.setFormatter(replaced.formatter)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        bulky = message.count('\n') > 3 or 'Epoch(train)' in message
        if record.levelno >= logging.WARNING or not bulky:
            tqdm.write(self.format(record), file=sys.stderr)
