"""Where a thread is in the code, and whether it only waits for other ranks there."""

import sys
from pathlib import Path

# Where the interpreter is while torch exchanges, or computes gradients and averages
# them over ranks; nothing tells the two latter apart.
_EXCHANGE = '/torch/distributed/'
_BACKWARD = '_engine_run_backward'
_LIBRARIES = ('/torch/', '/threading.py', '/multiprocessing/', '/selectors.py')


def whereabouts(thread: int) -> tuple[bool, str]:
    """(whether it may be waiting for another rank, its innermost place outside torch).

    Args:
        thread: its number, as ``threading.get_ident`` gives it.
    """
    frame = sys._current_frames().get(thread)
    if frame is None:
        return False, 'nowhere'
    inner, place = frame.f_code, frame.f_code
    waits = _EXCHANGE in inner.co_filename or inner.co_name == _BACKWARD
    line = frame.f_lineno
    while frame is not None:
        place, line = frame.f_code, frame.f_lineno
        if not any(part in place.co_filename for part in _LIBRARIES):
            break
        frame = frame.f_back
    return waits, f'{place.co_name} ({Path(place.co_filename).name}, line {line})'
