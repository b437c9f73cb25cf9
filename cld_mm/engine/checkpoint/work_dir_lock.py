"""One run at a time trains in a work dir: two would overwrite each other's files."""

from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.logging import print_log

from .file_format import CheckpointError


def lock(work_dir: str | Path, wait: float = 15) -> FileLock | None:
    """Lock the work dir for this process until it is released or the process ends.

    Args:
        work_dir: of the run.
        wait: seconds; loader processes of a killed run hold its lock until they notice.

    Returns:
        The lock, or None where the file system has no locks.

    Raises:
        CheckpointError: another process holds it.
    """
    path = Path(work_dir) / '.lock'
    path.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(path, is_singleton=True)
    try:
        held.acquire(timeout=wait)
    except Timeout as error:
        raise CheckpointError(
            f'another run is training in {work_dir}; choose another --work-dir, or '
            'stop that run.'
        ) from error
    except NotImplementedError as error:
        print_log(f'{work_dir} cannot be locked ({error})', 'current', 30)
        return None
    return held
