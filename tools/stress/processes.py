"""Processes of the stress tests: fork a tool; memory, files and orphans by /proc."""

import ctypes
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf('SC_PAGE_SIZE')
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER in linux/prctl.h


class Process(NamedTuple):
    """One process; id and start time together are never used twice.

    Attributes:
        pid, parent, group: ids.
        start: of the process, in clock ticks since the machine started.
    """

    pid: int
    parent: int
    group: int
    start: int


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def fork_tool(main: Callable[[], object], words: list[str], log: Path) -> int:
    """Run a tool's ``main()`` in a forked process, which has imported everything.

    Args:
        main: the tool's.
        words: its command line.
        log: gets what it prints.

    Returns:
        Process id of the leader of a group of its own.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout, sys.stderr = os.fdopen(1, 'w'), os.fdopen(2, 'w')
    sys.argv = ['tool.py', *words]
    code = 1
    try:
        main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own has died, so that none is lost."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def living() -> dict[int, Process]:
    """All processes that have not ended, by id."""
    found = {}
    for entry in os.scandir('/proc'):
        if entry.name.isdigit():
            try:
                text = Path(entry.path, 'stat').read_text()
            except OSError:
                continue  # ended meanwhile
            state, parent, group, *rest = text.rpartition(')')[2].split()
            if state not in 'ZX':
                pid = int(entry.name)
                found[pid] = Process(pid, int(parent), int(group), int(rest[16]))
    return found


def memory_and_files(process: Process) -> tuple[float, int] | None:
    """Resident memory in MB and the number of open files; None once it has ended."""
    folder = Path('/proc', str(process.pid))
    try:
        pages = int((folder / 'statm').read_text().split()[1])
        return pages * _PAGE / 1e6, len(os.listdir(folder / 'fd'))
    except OSError:
        return None


def reap() -> None:
    """Let go of every ended child, adopted ones too, whose code nobody asks for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


class Orphans:
    """Workers whose rank was killed: they must end by themselves within seconds.

    Args:
        limit: seconds after which one counts as left behind, and is killed.
    """

    def __init__(self, limit: float = 15) -> None:
        self.limit = limit
        self.left = 0
        self.slowest = 0.0
        self._pending: dict[Process, float] = {}

    def expect_to_end(self, worker: Process) -> None:
        """Start the clock for a worker whose rank has died."""
        self._pending.setdefault(worker, time.monotonic())

    def check(self, among: dict[int, Process]) -> int:
        """Check them; how many are still there."""
        alive = {(process.pid, process.start) for process in among.values()}
        for worker, since in list(self._pending.items()):
            waited = time.monotonic() - since
            if (worker.pid, worker.start) not in alive:
                self.slowest = max(self.slowest, waited)
                del self._pending[worker]
            elif waited > self.limit:
                self.left += 1
                os.kill(worker.pid, signal.SIGKILL)
                del self._pending[worker]
        return len(self._pending)
