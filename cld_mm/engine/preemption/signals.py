"""Signals that ask a run to save and stop.

Windows has no SIGUSR1 and no process groups; Ctrl-C and SIGTERM work there.
"""

import os
import signal
import threading
from pathlib import Path

# sysexits.h's EX_TEMPFAIL: "try again later".
REQUEUE = 75
INTERRUPTED = 130
STOP = [signal.SIGTERM]
if hasattr(signal, 'SIGUSR1'):
    STOP.append(signal.SIGUSR1)


class StoppedBySignal(Exception):
    """A run was asked to stop and has saved a checkpoint.

    Attributes:
        code: exit code: 75 for "start me again", 130 after Ctrl-C.
    """

    def __init__(self, number: int, iteration: int, checkpoint: str) -> None:
        name = signal.Signals(number).name
        super().__init__(
            f'stopped by {name} after iteration {iteration}; {checkpoint} is saved: '
            'continue with --resume.'
        )
        self.code = INTERRUPTED if number == signal.SIGINT else REQUEUE


class StopSignals:
    """Notes SIGTERM, SIGUSR1 and SIGINT until the training loop checks for them.

    A second Ctrl-C has its usual effect at once, even while Python is not running.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, object] = {}

    @property
    def installed(self) -> bool:
        """Whether signals are noted now."""
        return bool(self._before)

    def install(self) -> None:
        """Handle the signals; does nothing outside the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in (*STOP, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)

    def remove(self) -> None:
        """Restore the handlers from before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()

    def _note(self, number: int, frame: object) -> None:
        self.received = number
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def leave_at_once(advice: str = 'start again with --resume') -> None:
    """Let SIGTERM and SIGUSR1 end the process with 75 outside of training.

    There is nothing to save, and their usual exit code asks for no restart. StopSignals
    takes over during training.

    Args:
        advice: what to do, for the message.
    """

    def leave(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        os.write(2, f'stopped by {name} outside of training: {advice}.\n'.encode())
        path = os.environ.get('CLD_MM_EXIT_FILE')
        if path and os.environ.get('LOCAL_RANK', '0') == '0':
            Path(path).write_text(str(REQUEUE))
        os._exit(REQUEUE)

    for number in STOP:
        signal.signal(number, leave)


def leave_signals_to_the_rank() -> None:
    """Let a loader process ignore what is sent to its rank's process group.

    torchrun and terminals signal whole groups; a worker that stopped would end its rank
    before the rank has saved.
    """
    if hasattr(os, 'setpgid'):
        os.setpgid(0, 0)
    for number in (*STOP[1:], signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
