"""RankWatchdog: no rank waits for ever for one that died, froze or got stuck.

A collective waits for its slowest rank, and the main thread waits inside it. So two
threads beside it tell the other ranks, through a connection of their own to the
process group's store, that this process lives and how far it has got. They touch
neither device nor process group: gloo and NCCL are alike to them, and a step costs
one assignment.
"""

import atexit
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list
from torch import distributed as dist

from .exit_message import say_last_words
from .stack_location import whereabouts

# Main thread's phases within an iteration, in the order in which they come.
PHASES = (
    'starting',
    'evaluating',
    'loading data',
    'in the training step',
    'waiting for the others to finish',
    'done',
)
_COMMUNICATION = re.compile(
    r'gloo|nccl|process ?group|connection (closed|reset|refused)|broken pipe|'
    r'socket|store|timed out waiting|allreduce|allgather|collective',
    re.IGNORECASE,
)
current: 'RankWatchdog | None' = None
_started = 0


def is_communication_error(error: BaseException) -> bool:
    """Whether an exception only says that another rank no longer answers."""
    return isinstance(error, getattr(dist, 'DistError', ())) or (
        isinstance(error, RuntimeError) and bool(_COMMUNICATION.search(str(error)))
    )


class RankWatchdog:
    """Ends this process, with the reason, once any rank is lost.

    Rank 0 judges all ranks, all ranks judge rank 0. The first verdict goes to the
    store, and every rank prints it and exits with code 1.

    Args:
        timeout: seconds without a sign of life after which a rank counts as killed or
            frozen; each gives one about five times in that time.
        stall_timeout: seconds after which a living rank that does not get on (its data
            loading hangs, or its step) stops all; evaluation counts each batch.

    Raises:
        ValueError: a time is not above 0.
    """

    def __init__(self, timeout: float = 60, stall_timeout: float = 1800) -> None:
        if not timeout > 0 or not stall_timeout > 0:
            raise ValueError(
                f'env_cfg.watchdog_cfg: timeout is {timeout} and stall_timeout '
                f'{stall_timeout}, but both are seconds and must be above 0: the '
                'defaults are 60 and 1800.'
            )
        global _started
        _started += 1
        self.timeout, self.stall_timeout = timeout, stall_timeout
        self.interval = min(timeout / 5, 2.0)
        self.rank, self.world_size = dist.get_rank(), dist.get_world_size()
        # Runs share a store where a launcher restarts ranks or a process trains twice.
        # Of several nodes not all count a restart: rank 0's count is taken.
        restart = [os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')]
        broadcast_object_list(restart)
        self._store = dist.PrefixStore(
            f'cld_mm/watchdog/{restart[0]}/{_started}', _connect(timeout)
        )
        self._progress: tuple[int, int, int] = (0, 0, 0)  # iteration, phase, batches
        self._beats = 0
        self._suspicious = False
        self._leaving = False
        self._stopped = threading.Event()
        self._seen: dict[int, list] = {}
        self._places: dict[int, tuple[bool, str]] = {}
        self._main = threading.get_ident()
        self._exchanged = time.monotonic()

    # What the main thread calls.

    def start(self) -> None:
        """Wait until every rank watches, then watch.

        Raises:
            torch.distributed.DistStoreError: a rank does not come within the timeout.
        """
        self._beat()
        self._store.wait(
            [f'beat/{rank}' for rank in range(self.world_size)],
            timedelta(seconds=max(self.timeout, 60)),
        )
        self._exchanged = time.monotonic()
        for work in (self._exchange_loop, self._guard_loop):
            threading.Thread(target=work, daemon=True, name='rank watchdog').start()
        atexit.register(self._left_early, os.getpid())

    def mark(self, iteration: int, phase: str) -> None:
        """Say how far the main thread has got.

        Args:
            iteration: counted from 0.
            phase: one of PHASES.
        """
        self._progress = (iteration, PHASES.index(phase), self._progress[2])

    def tick(self, *_: Any) -> None:
        """Count a batch that reached the model, in training or evaluation."""
        self._progress = (*self._progress[:2], self._progress[2] + 1)

    def stop(self) -> None:
        """Watch no longer: the work is done."""
        self.mark(self._progress[0], 'done')
        if not self._stopped.is_set():
            self._stopped.set()
            with suppress(Exception):
                self._beat()
        atexit.unregister(self._left_early)

    def report(self, sentence: str) -> None:
        """Let the other ranks stop with this rank's error as their reason."""
        self._leaving = True
        with suppress(Exception):  # the store may have died with the others
            self._publish(f'rank {self.rank} stopped: {sentence.rstrip(".")}', None)
            if self.rank == 0 and not _launcher_keeps_store():
                time.sleep(2 * self.interval)  # the others read it from this process

    def await_verdict(self) -> None:
        """After a failed collective: give the verdict time to come and end us."""
        self._suspicious = True
        deadline = time.monotonic() + self.timeout + 3 * self.interval
        while time.monotonic() < deadline and not self._stopped.is_set():
            time.sleep(self.interval / 4)

    # What the threads do.

    def _exchange_loop(self) -> None:
        while not self._stopped.wait(self.interval):
            try:
                self._beat()
                self._judge()
                if self._store.check(['verdict']):
                    self._end(json.loads(self._store.get('verdict')))
            except Exception as error:
                if self._stopped.is_set() or self._leaving:
                    return
                self._wait_for_better_news(error)
            self._exchanged = time.monotonic()

    def _guard_loop(self) -> None:
        """A frozen store blocks the other thread: this one only looks at the clock."""
        while not self._stopped.wait(self.interval):
            if time.monotonic() - self._exchanged > self.timeout + 2 * self.interval:
                self._store_is_gone('has not answered for longer than timeout')

    def _wait_for_better_news(self, error: Exception) -> None:
        # A rank whose own error closed the store is about to say so by its launcher.
        time.sleep(self.interval)
        self._store_is_gone(f'is gone ({type(error).__name__})')

    def _store_is_gone(self, how: str) -> None:
        keeper = (
            "the launcher's store"
            if _launcher_keeps_store()
            else 'rank 0, which keeps the store,'
        )
        self._end({'reason': f'{keeper} {how} {self._where(self._progress)}'})

    def _beat(self) -> None:
        self._beats += 1
        place = whereabouts(self._main)
        beat = [self._beats, *self._progress, self._suspicious, place, _identity()]
        self._store.set(f'beat/{self.rank}', json.dumps(beat))

    def _judge(self) -> None:
        judged = range(self.world_size) if self.rank == 0 else [0]
        now = time.monotonic()
        patience = self.timeout
        for rank, raw in zip(
            judged, self._store.multi_get([f'beat/{r}' for r in judged]), strict=True
        ):
            count, *progress, suspicious, place, identity = json.loads(raw)
            self._places[rank] = tuple(place)
            seen = self._seen.setdefault(rank, [count, now, progress, now, identity])
            if seen[0] != count:
                seen[:2] = count, now
            if seen[2] != progress:
                seen[2:4] = progress, now
            if suspicious or self._suspicious:
                # A broken collective is evidence: some rank is gone already.
                patience = min(self.timeout, max(4 * self.interval, 2.0))
        for rank, (_, alive, progress, _, identity) in self._seen.items():
            if PHASES[progress[1]] != 'done' and now - alive > patience:
                self._publish(
                    f'rank {rank} has given no sign of life for {now - alive:.0f} s '
                    f'(killed, frozen, or its machine lost) {self._where(progress)}',
                    [rank, *identity],
                )
        if self.rank == 0:
            self._judge_progress(now)

    def _judge_progress(self, now: float) -> None:
        finishing = PHASES.index('waiting for the others to finish')
        working = {r: s for r, s in self._seen.items() if s[2][1] < finishing}
        if not working:
            return
        last = min(seen[2] for seen in working.values())
        behind = [rank for rank, seen in working.items() if seen[2] == last]
        waited = min(now - working[rank][3] for rank in behind)
        if waited > self.stall_timeout:
            # Within a step all are at the same place but for those that only wait.
            stuck = [rank for rank in behind if not self._places[rank][0]] or behind
            ranks = ', '.join(map(str, stuck))
            places = ', '.join(self._places[rank][1] for rank in stuck)
            self._publish(
                f'rank {ranks} has not got on for {waited:.0f} s (it lives, but hangs) '
                f'{self._where(last)}, in {places}',
                None,
            )

    @staticmethod
    def _where(progress: Any) -> str:
        iteration, phase, _ = progress
        if PHASES[phase] == 'starting':
            return 'while starting'
        return f'at iteration {iteration + 1}, {PHASES[phase]}'

    def _publish(self, reason: str, lost: list | None) -> None:
        verdict = json.dumps({'reason': reason, 'lost': lost})
        self._store.compare_set('verdict', '', verdict)

    def _left_early(self, pid: int) -> None:
        if os.getpid() == pid and not self._leaving and not self._stopped.is_set():
            self.report(
                f'it left {self._where(self._progress)}, before the end of the training'
            )

    def _end(self, verdict: dict) -> None:
        if self._leaving or self._stopped.is_set():
            return
        _end_frozen(verdict.get('lost'))
        say_last_words(
            f'error: {verdict["reason"]}; all ranks stop: mend the cause, then resume '
            'from the last checkpoint with --resume.'
        )
        sys.stdout.flush()
        os._exit(1)


def _connect(timeout: float) -> dist.Store:
    """A connection of our own: the process group's is locked while it waits."""
    store = dist.distributed_c10d._get_default_store()
    while isinstance(store, dist.PrefixStore):
        store = store.underlying_store
    if not isinstance(store, dist.TCPStore):
        return store
    return dist.TCPStore(
        store.host,
        store.port,
        is_master=False,
        wait_for_workers=False,
        timeout=timedelta(seconds=timeout),
    )


def _launcher_keeps_store() -> bool:
    return os.environ.get('TORCHELASTIC_USE_AGENT_STORE') == 'True'


def _identity() -> list:
    """Host, namespace and number of this process; where equal, ours to end."""
    with suppress(OSError):
        namespace = Path('/proc/self/ns/pid').readlink()
        return [f'{socket.gethostname()} {namespace}', os.getpid()]
    return ['', 0]


def _end_frozen(lost: list | None) -> None:
    """End a rank of this machine that is stopped: launchers' SIGTERM cannot."""
    if not lost:
        return
    _, place, pid = lost
    if place and place == _identity()[0] and pid != os.getpid():
        with suppress(OSError):
            state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
            if state in 'Tt':
                os.kill(pid, signal.SIGKILL)


@contextmanager
def watching(settings: dict | None = None) -> Iterator[RankWatchdog | None]:
    """Watch the ranks inside; None, and nothing done, where there is but one.

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
