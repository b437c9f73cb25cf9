"""A clean terminal: dumps and warnings go to a log file, a bar shows the training."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from tqdm import tqdm


@contextlib.contextmanager
def output_to(file: Path, verbose: bool = False) -> Iterator[TextIO]:
    """Send stdout, stderr, warnings and logging to a file.

    Args:
        file: log file, appended to.
        verbose: leave the terminal as it is.

    Yields:
        The terminal's own stderr, for a progress bar.
    """
    terminal = sys.stderr
    if verbose:
        yield terminal
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with (
        file.open('a') as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        try:
            yield terminal
        finally:
            forget_stream(log)


def forget_stream(stream: TextIO) -> None:
    """Take logging handlers that write to a stream away before it is closed."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for logger in [logging.root, *loggers]:
        for handler in list(logger.handlers):
            if getattr(handler, 'stream', None) is stream:
                logger.removeHandler(handler)


@HOOKS.register_module()
class TerminalBarHook(Hook):
    """One bar over the whole training: percent, loss and time left.

    Args:
        terminal: where it is drawn.
    """

    priority = 'VERY_LOW'

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal
        self.bar: tqdm | None = None

    def before_train(self, runner: Any) -> None:
        """Open the bar."""
        live = self.terminal.isatty()
        self.bar = tqdm(
            total=runner.max_iters,
            desc='training',
            file=self.terminal,
            mininterval=0.5 if live else 10.0,
            ncols=76,
            bar_format='{desc} {percentage:3.0f}% |{bar}| {postfix}{remaining} left',
            disable=False,
        )

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance by one iteration."""
        if self.bar is None:
            return
        if outputs and self.bar.n % 20 == 0:
            loss = float(outputs['loss'])
            # tqdm puts a comma before what it is given.
            self.bar.postfix = f'loss {loss:.3f}, '
        self.bar.update()

    def after_train(self, runner: Any) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
