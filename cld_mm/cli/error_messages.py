"""Errors that speak to people: one sentence, and an exit code.

Anything wrong with what a user gave (a path, a config, a setting) ends a tool
with ``error: <sentence>`` and code 2; a run that failed on the way ends with code
1. ``--debug`` shows the traceback.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config

from cld_mm.config.error import ConfigError
from cld_mm.config.locate_failing_part import blamed
from cld_mm.distributed import rank_watchdog as watchdog
from cld_mm.distributed.exit_message import say_last_words
from cld_mm.distributed.process_group import RankAbsent
from cld_mm.engine.checkpoint import CheckpointError
from cld_mm.fileio.disk_errors import unwritable
from cld_mm.fileio.secure_mmengine import secure_mmengine

USER_ERRORS = (
    ConfigError,
    ValueError,
    TypeError,
    KeyError,
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
    ImportError,
    NotImplementedError,
    AssertionError,
)

# mmengine prefixes an error in a part's constructor with where the part stands.
_BUILD_PREFIX = re.compile(r'^(class `\w+` in [\w/.-]+: )+')


def sentence(error: BaseException) -> str:
    """The error's message as one line, without mmengine's prefixes."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
    if 'Original Traceback (most recent call last)' in str(text):  # a loader process
        text = str(text).strip().splitlines()[-1].split(': ', 1)[-1]
    text = _BUILD_PREFIX.sub('', ' '.join(str(text).split()))
    return text or type(error).__name__


@contextmanager
def one_sentence_errors(debug: bool = False) -> Iterator[list[Config]]:
    """Turn exceptions into one sentence on stderr and an exit code.

    Args:
        debug: let the exception through with its traceback instead.

    Yields:
        A list to which the tool adds its config once it has it; a sentence that names
        no key then says which part of it the error comes from.
    """
    secure_mmengine()
    configs: list[Config] = []
    try:
        yield configs
    except KeyboardInterrupt:
        if debug:
            raise
        _leave('stopped by the keyboard.', 130)
    except Exception as error:
        dirs = [cfg.work_dir for cfg in configs if cfg.get('work_dir')]
        stopped = next(filter(None, (unwritable(error, place) for place in dirs)), None)
        _tell_other_ranks(error, stopped or sentence(error))
        if debug:
            raise
        if stopped:
            _leave(f'error: {stopped}', 1)
        if isinstance(error, USER_ERRORS):
            _leave(f'error: {sentence(error)}{_where(error, configs)}', 2)
        if isinstance(error, (FloatingPointError, CheckpointError, RankAbsent)):
            _leave(f'error: {sentence(error)}', 1)
        last = f'{type(error).__name__}: {sentence(error)}'
        _leave(
            f'error: {" ".join(last.split())}{_where(error, configs)} (run again with '
            '--debug for the traceback)',
            1,
        )


def _tell_other_ranks(error: BaseException, reason: str) -> None:
    """Give the other ranks this one's reason, or wait for theirs.

    A collective that fails only shows that another rank is gone: the watchdog finds
    out which, and ends this one with it.
    """
    if watchdog.current is None:
        return
    if watchdog.is_communication_error(error):
        watchdog.current.await_verdict()
    else:
        watchdog.current.report(reason)


def _where(error: BaseException, configs: list[Config]) -> str:
    """Which part of the config it comes from, where the error does not say."""
    if isinstance(error, (ConfigError, OSError)):
        return ''
    for cfg in configs:
        place = blamed(error, cfg)
        if place:
            return f' [in {place}]'
    return ''


def _leave(message: str, code: int) -> None:
    say_last_words(message)
    sys.exit(code)
