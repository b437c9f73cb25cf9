"""The last message of a rank: on stderr, and where its launcher reads it."""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path


def write_exit_message(message: str) -> None:
    """Print one line with the rank's name, and leave it for torchrun.

    torchrun names a file in ``TORCHELASTIC_ERROR_FILE``; tools/launch_ranks.py ends
    with what the first failed rank wrote there.
    """
    rank = os.environ.get('RANK')
    line = f'[rank {rank}] {message}' if rank else message
    # One write: lines of several ranks do not mix.
    with suppress(OSError, ValueError):
        sys.stderr.write(line + '\n')
        sys.stderr.flush()
    path = os.environ.get('TORCHELASTIC_ERROR_FILE')
    if path and not Path(path).exists():
        seconds = str(int(time.time()))
        text = {'message': {'message': line, 'extraInfo': {'timestamp': seconds}}}
        with suppress(OSError):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(json.dumps(text))
