"""The last line of a long script: its figures as JSON, however the script ends."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def closing_line(report: dict) -> Iterator[dict]:
    """Print ``report`` at the end, also after SIGTERM, Ctrl-C or an error.

    The script fills the report as it goes along. A signal raises SystemExit where the
    script is, with the code 128 + its number, and is named in ``stopped_by``. Processes
    that the script forks keep what the signals did before.

    Args:
        report: what json.dumps takes.
    """
    owner = os.getpid()

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for one in SIGNALS:  # tidying up is not broken off
            signal.signal(one, signal.SIG_IGN)
        report['stopped_by'] = signal.Signals(number).name
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in SIGNALS}
    try:
        yield report
    except Exception as error:
        report['error'] = f'{type(error).__name__}: {error}'[:300]
        raise
    finally:
        if os.getpid() == owner:
            sys.stderr.flush()
            print(json.dumps(report), flush=True)
            for number, handler in before.items():
                signal.signal(number, handler)
