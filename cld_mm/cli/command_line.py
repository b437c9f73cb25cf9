"""command_line: the context that every command-line tool does its work in."""

from collections.abc import Iterator
from contextlib import contextmanager

from .error_messages import Run, exit_on_error


@contextmanager
def command_line(debug: bool = False) -> Iterator[Run]:
    """Make mmengine read files without running them, and turn errors into one line.

    Args:
        debug: show tracebacks.

    Yields:
        As :func:`~cld_mm.cli.error_messages.exit_on_error`.
    """
    with exit_on_error(debug) as run:
        from mmengine.logging import MMLogger

        import cld_mm.registry  # noqa: F401  the version shims come before mmengine
        from cld_mm.compat.known_warnings import ignore_known_warnings
        from cld_mm.fileio.secure_mmengine import secure_mmengine
        from cld_mm.fileio.terminal_log import log_warnings, shorten_terminal_log

        ignore_known_warnings()
        secure_mmengine()
        shorten_terminal_log(MMLogger.get_current_instance())
        log_warnings()
        yield run
