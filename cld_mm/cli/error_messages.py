"""Errors for people: one line on stderr, and an exit code.

Anything wrong with what a user gave (a path, a config, a setting) ends a tool with
``error: <message>`` and code 2; a run that failed on the way ends with code 1.
``--debug`` shows the traceback.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config

    from cld_mm.config.failing_part import PartRecorder

USER_ERRORS = (
    ValueError,  # ConfigError is one
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

# torch's errors that name no setting: a pattern, and what to say instead; {0} is the
# pattern's first group.
KNOWN = (
    (
        r'Expected to have finished reduction in the prior iteration',
        'some weights got no gradient in the last step, and DistributedDataParallel '
        'waits for them: set --cfg-options find_unused_parameters=True, or '
        'remove or freeze the part that the loss does not use',
    ),
    (
        r'expected input\[[\d, ]+\] to have (\d+) channels?, but got (\d+) channels?',
        'the network takes {0} channel(s), but the images have {1}: set '
        'model.backbone.in_channels={1}, with one number for all channels in '
        'model.data_preprocessor.mean and std',
    ),
    (
        r'Expected more than 1 value per channel when training',
        'BatchNorm needs more than one image in a batch: set '
        'train_dataloader.drop_last=True, or a larger train_dataloader.batch_size',
    ),
    (
        r'CUDA out of memory',
        'the GPU is out of memory: set a smaller train_dataloader.batch_size, '
        'model.backbone.with_cp=True, or use --amp',
    ),
    (
        r'(?:EADDRINUSE|(?i:address already in use))',
        'the port is taken, perhaps by another run on this machine: set another one '
        'by the environment variable PORT (MASTER_PORT under Slurm)',
    ),
)


class Run:
    """What a tool tells about its run, so that an error can name a part of it.

    Attributes:
        cfg: the config, once it is read.
        recorder: knows the parts that were built from it.
    """

    cfg: 'Config | None' = None
    recorder: 'PartRecorder | None' = None


def advice_for(text: str) -> str | None:
    """A message for an error of torch's; None where it is not a known one."""
    for pattern, advice in KNOWN:
        found = re.search(pattern, text)
        if found:
            return advice.format(*found.groups())
    return None


def one_line(error: BaseException) -> str:
    """The error's message as one line."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if 'Original Traceback (most recent call last)' in text:  # a loader process
        text = text.strip().splitlines()[-1].split(': ', 1)[-1]
    return advice_for(text) or ' '.join(text.split()) or type(error).__name__


def describe(error: Exception, run: Run) -> tuple[str, int]:
    """The message of an error, and the exit code."""
    if isinstance(error, ImportError) and run.recorder is None:
        return one_line(error), 2  # without mmcv, the imports below fail as well
    from cld_mm.config.error import ConfigError
    from cld_mm.distributed.process_group import RankAbsent
    from cld_mm.engine.checkpoint import CheckpointError
    from cld_mm.fileio.disk_errors import unwritable

    work_dir = run.cfg.get('work_dir') if run.cfg else None
    disk_error = unwritable(error, work_dir) if work_dir else None
    if disk_error:
        return disk_error, 1
    message = one_line(error)
    if isinstance(error, (FloatingPointError, CheckpointError, RankAbsent)):
        return message, 1
    if advice_for(str(error)):
        return message, 2
    where = ''
    if run.recorder and not isinstance(error, (ConfigError, OSError)):
        where = run.recorder.locate(error)
    where = f' [in {where}]' if where else ''
    if isinstance(error, USER_ERRORS):
        return f'{message}{where}', 2
    kind = type(error).__name__
    return f'{kind}: {message}{where} (run again with --debug for the traceback)', 1


def tell_other_ranks(error: BaseException, reason: str) -> None:
    """Give the other ranks this one's reason, or wait for theirs.

    A collective that fails only shows that another rank is gone: the watchdog finds
    out which, and ends this one with it.
    """
    from cld_mm.distributed import rank_watchdog as watchdog

    if watchdog.current is None:
        return
    if watchdog.is_communication_error(error):
        watchdog.current.await_verdict()
    else:
        watchdog.current.report(reason)
