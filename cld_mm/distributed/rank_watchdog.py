"""RankWatchdog: no rank waits forever for one that died, froze or hangs.

A collective waits for its slowest rank, and the main thread waits inside it. So two
threads beside it tell the other ranks, through an own connection to the process group's
store, that this process is alive and how far it is. They use neither the device nor the
process group, so they work alike for gloo and NCCL; a step costs one assignment.
"""

import atexit
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from mmengine.dist import broadcast_object_list
from torch import distributed as dist

from .exit_message import write_exit_message
from .rank_judge import PHASES, RankJudge, Report, Verdict, describe
from .stack_location import locate_thread
from .watchdog_store import connect_store, end_frozen, identity, launcher_keeps_store

_COMMUNICATION = re.compile(
    r'gloo|nccl|process ?group|connection (closed|reset|refused)|broken pipe|'
    r'socket|store|timed out waiting|allreduce|allgather|collective',
    re.IGNORECASE,
)
current: 'RankWatchdog | None' = None
_started = 0


def is_communication_error(error: BaseException) -> bool:
    """Whether an exception only tells that another rank does not answer."""
    return isinstance(error, getattr(dist, 'DistError', ())) or (
        isinstance(error, RuntimeError) and bool(_COMMUNICATION.search(str(error)))
    )


class RankWatchdog:
    """Ends this process, with the reason, once any rank is lost.

    Rank 0 judges all ranks, all ranks judge rank 0. The first verdict goes to the
    store; every rank prints it and exits with code 1.

    Args:
        timeout: seconds without a sign of life after which a rank counts as killed or
            frozen; each sends about five in that time.
        stall_timeout: seconds after which a living rank without progress (its data
            loading or its step hangs) stops all; in evaluation each batch counts.

    Raises:
        ValueError: a time is not above 0.
    """

    def __init__(self, timeout: float = 60, stall_timeout: float = 1800) -> None:
        if not timeout > 0 or not stall_timeout > 0:
            raise ValueError(
                f'env_cfg.watchdog_cfg: timeout and stall_timeout must be > 0 seconds, '
                f'got {timeout} and {stall_timeout}; the defaults are 60 and 1800.'
            )
        global _started
        _started += 1
        self.timeout = timeout
        self.interval = min(timeout / 5, 2.0)
        quick = max(4 * self.interval, 2.0)
        self._judge = RankJudge(timeout, stall_timeout, quick)
        self.rank, self.world_size = dist.get_rank(), dist.get_world_size()
        # Runs share a store if a launcher restarts ranks or a process trains twice. Of
        # several nodes not all count a restart: rank 0's count is used.
        restart = [os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')]
        broadcast_object_list(restart)
        self._store = dist.PrefixStore(
            f'cld_mm/watchdog/{restart[0]}/{_started}', connect_store(timeout)
        )
        self._progress: tuple[int, int, int] = (0, 0, 0)  # iteration, phase, batches
        self._count = 0
        self._suspicious = False
        self._leaving = False
        self._stopped = threading.Event()
        self._main = threading.get_ident()
        self._exchanged = time.monotonic()

    # Called by the main thread.

    def start(self) -> None:
        """Wait until every rank watches, then watch.

        Raises:
            torch.distributed.DistStoreError: a rank does not come within the timeout.
        """
        self._send_report()
        self._store.wait(
            [f'report/{rank}' for rank in range(self.world_size)],
            timedelta(seconds=max(self.timeout, 60)),
        )
        self._exchanged = time.monotonic()
        for work in (self._exchange_loop, self._guard_loop):
            threading.Thread(target=work, daemon=True, name='rank watchdog').start()
        atexit.register(self._left_early, os.getpid())

    def mark(self, iteration: int, phase: str) -> None:
        """Note how far the main thread is.

        Args:
            iteration: counted from 0.
            phase: one of PHASES.
        """
        self._progress = (iteration, PHASES.index(phase), self._progress[2])

    def tick(self, *_: Any) -> None:
        """Count a batch that reached the model, in training or evaluation."""
        self._progress = (*self._progress[:2], self._progress[2] + 1)

    def stop(self) -> None:
        """Stop watching: the work is done."""
        self.mark(self._progress[0], 'done')
        if not self._stopped.is_set():
            self._stopped.set()
            with suppress(Exception):
                self._send_report()
        atexit.unregister(self._left_early)

    def report(self, message: str) -> None:
        """Let the other ranks stop with this rank's error as their reason."""
        self._leaving = True
        with suppress(Exception):  # the store may have died with the others
            self._publish(f'rank {self.rank} stopped: {message.rstrip(".")}')
            if self.rank == 0 and not launcher_keeps_store():
                time.sleep(2 * self.interval)  # the others read it from this process

    def await_verdict(self) -> None:
        """After a failed collective: give the verdict time to come and end us."""
        self._suspicious = True
        deadline = time.monotonic() + self.timeout + 3 * self.interval
        while time.monotonic() < deadline and not self._stopped.is_set():
            time.sleep(self.interval / 4)

    # Run by the threads.

    def _exchange_loop(self) -> None:
        while not self._stopped.wait(self.interval):
            try:
                self._send_report()
                self._judge_ranks()
                if self._store.check(['verdict']):
                    self._end(*json.loads(self._store.get('verdict')))
            except Exception as error:
                if self._stopped.is_set() or self._leaving:
                    return
                # A rank that closed the store by an error of its own is about to say
                # so by its launcher.
                time.sleep(self.interval)
                self._end_without_store(f'is gone ({type(error).__name__})')
            self._exchanged = time.monotonic()

    def _guard_loop(self) -> None:
        """End if the store blocks the other thread; this one only reads the clock."""
        while not self._stopped.wait(self.interval):
            if time.monotonic() - self._exchanged > self.timeout + 2 * self.interval:
                self._end_without_store('has not answered for longer than timeout')

    def _end_without_store(self, how: str) -> None:
        keeper = 'rank 0, which keeps the store,'
        if launcher_keeps_store():
            keeper = "the launcher's store"
        self._end(f'{keeper} {how} {describe(self._progress)}')

    def _send_report(self) -> None:
        self._count += 1
        report = Report(
            self._count,
            list(self._progress),
            self._suspicious,
            *locate_thread(self._main),
            identity(),
        )
        self._store.set(f'report/{self.rank}', json.dumps(report))

    def _judge_ranks(self) -> None:
        judged = range(self.world_size) if self.rank == 0 else [0]
        now = time.monotonic()
        found = self._store.multi_get([f'report/{rank}' for rank in judged])
        for rank, text in zip(judged, found, strict=True):
            self._judge.take(rank, Report(*json.loads(text)), now)
        verdict = self._judge.find_lost(now, self._suspicious)
        if verdict is None and self.rank == 0:
            verdict = self._judge.find_hung(now)
        if verdict is not None:
            self._publish(*verdict)

    def _publish(self, reason: str, lost: list[Any] | None = None) -> None:
        self._store.compare_set('verdict', '', json.dumps(Verdict(reason, lost)))

    def _left_early(self, pid: int) -> None:
        if os.getpid() == pid and not self._leaving and not self._stopped.is_set():
            where = describe(self._progress)
            self.report(f'it exited {where}, before the end of the training')

    def _end(self, reason: str, lost: list[Any] | None = None) -> None:
        if self._leaving or self._stopped.is_set():
            return
        end_frozen(lost)
        write_exit_message(
            f'error: {reason}; all ranks stop: fix the cause, then continue from the '
            'last checkpoint with --resume.'
        )
        sys.stdout.flush()
        os._exit(1)


@contextmanager
def watching(settings: dict | None = None) -> Iterator[RankWatchdog | None]:
    """Watch the ranks inside; does nothing, and yields None, with one rank.

    Args:
        settings: RankWatchdog's; those of ``env_cfg.watchdog_cfg``.
    """
    global current
    if not dist.is_initialized() or dist.get_world_size() == 1 or current is not None:
        yield current
        return
    current = RankWatchdog(**(settings or {}))
    try:
        current.start()
        yield current
        current.mark(current._progress[0], 'waiting for the others to finish')
        dist.barrier()
        current.stop()
    finally:
        # After an error the threads stay: other ranks may still have to be told.
        current = None if current is None or current._stopped.is_set() else current
