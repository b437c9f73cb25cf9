"""Signals that ask a run to save and leave."""

import os
import signal
import sys
import threading
from pathlib import Path

# sysexits.h's EX_TEMPFAIL: "try again later".
REQUEUE = 75
INTERRUPTED = 130
# Schedulers send these; Windows has no SIGUSR1.
STOP = tuple(
    getattr(signal, name) for name in ('SIGTERM', 'SIGUSR1') if hasattr(signal, name)
)


class StoppedBySignal(Exception):
    """A run was asked to stop, has saved, and should leave.

    Attributes:
        code: exit code: 75 for "start me again", 130 after Ctrl-C.
    """

    def __init__(self, number: int, iteration: int, checkpoint: str) -> None:
        name = signal.Signals(number).name
        super().__init__(
            f'stopped by {name} after iteration {iteration}; {checkpoint} is saved: go '
            'on with --resume.'
        )
        self.code = INTERRUPTED if number == signal.SIGINT else REQUEUE


class StopSignals:
    """Notes SIGTERM, SIGUSR1 and SIGINT until the training loop looks.

    A second Ctrl-C has its usual effect at once, even where Python is not running.
    """

    numbers = (*STOP, signal.SIGINT)

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, object] = {}

    def install(self) -> None:
        """Take the signals over; does nothing outside the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in self.numbers:
                self._before[number] = signal.signal(number, self._note)

    def remove(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()

    def _note(self, number: int, frame: object) -> None:
        self.received = number
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def leave_at_once(cure: str = 'start again with --resume') -> None:
    """Outside of training there is nothing to save: SIGTERM and SIGUSR1 end with 75.

    Their usual effect would end with a code that asks for no restart. StopSignals takes
    over during training and gives back to this.

    Args:
        cure: what to do, for the message.
    """

    def leave(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        text = f'stopped by {name} outside of training: {cure}.\n'
        os.write(2, text.encode())
        path = os.environ.get('CLD_MM_EXIT_FILE')
        if path and os.environ.get('LOCAL_RANK', '0') == '0':
            Path(path).write_text(str(REQUEUE))
        os._exit(REQUEUE)

    for number in STOP:
        signal.signal(number, leave)


def leave_signals_to_the_rank() -> None:
    """Let a loader's process stay out of what is sent to its rank's process group.

    torchrun and terminals signal whole groups; a worker that stopped would take the
    rank with it before the rank has saved.
    """
    if sys.platform == 'win32':  # neither process groups nor SIGUSR1
        return
    os.setpgid(0, 0)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
