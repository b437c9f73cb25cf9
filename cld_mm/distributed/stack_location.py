"""Where a thread is in the code, and whether it only waits for other ranks there."""

import sys
from pathlib import Path

# The innermost frame while torch exchanges, or computes gradients and averages them
# over ranks; the latter two cannot be told apart.
_EXCHANGE = '/torch/distributed/'
_BACKWARD = '_engine_run_backward'
_LIBRARIES = ('/torch/', '/threading.py', '/multiprocessing/', '/selectors.py')


def locate_thread(thread: int) -> tuple[bool, str]:
    """(whether it may be waiting for another rank, its innermost line outside torch).

    Args:
        thread: its identifier, as of ``threading.get_ident``.
    """
    frame = sys._current_frames().get(thread)
    if frame is None:
        return False, 'nowhere'
    code, line = frame.f_code, frame.f_lineno
    waits = _EXCHANGE in Path(code.co_filename).as_posix() or code.co_name == _BACKWARD
    while frame is not None:
        code, line = frame.f_code, frame.f_lineno
        path = Path(code.co_filename).as_posix()
        if not any(part in path for part in _LIBRARIES):
            break
        frame = frame.f_back
    return waits, f'{code.co_name} ({Path(code.co_filename).name}, line {line})'
