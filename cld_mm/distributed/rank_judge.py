"""RankJudge: decides from the ranks' reports whether one is lost or hangs."""

from typing import Any, NamedTuple

# Phases of the main thread within an iteration, in their order.
PHASES = (
    'starting',
    'evaluating',
    'loading data',
    'in the training step',
    'waiting for the others to finish',
    'done',
)
FINISHING = PHASES.index('waiting for the others to finish')


class Report(NamedTuple):
    """What a rank tells the others now and then.

    Attributes:
        number: of the report, counted from 1.
        progress: iteration, index of the phase, batches so far.
        suspicious: a collective failed on this rank.
        waits: its main thread may be waiting for another rank.
        location: function and line of its main thread.
        identity: machine and process id.
    """

    number: int
    progress: list[int]
    suspicious: bool
    waits: bool
    location: str
    identity: list[Any]


class Verdict(NamedTuple):
    """Why all ranks must stop; ``lost`` is rank, machine and process of a lost rank."""

    reason: str
    lost: list[Any] | None


class Seen:
    """A rank's last report, when it came and when its progress last changed."""

    def __init__(self, report: Report, now: float) -> None:
        self.report, self.alive, self.moved = report, now, now

    def update(self, report: Report, now: float) -> None:
        """Read the rank's report again; it may be the same one."""
        if report.number != self.report.number:
            self.alive = now
        if report.progress != self.report.progress:
            self.moved = now
        self.report = report


class RankJudge:
    """Compares the ranks' reports with the clock.

    Args:
        timeout: seconds without a new report after which a rank counts as lost.
        stall_timeout: seconds without progress after which a rank counts as hung.
        quick_timeout: as ``timeout``, once a collective has failed somewhere.
    """

    def __init__(
        self, timeout: float, stall_timeout: float, quick_timeout: float
    ) -> None:
        self.timeout, self.stall_timeout = timeout, stall_timeout
        self.quick_timeout = min(timeout, quick_timeout)
        self.seen: dict[int, Seen] = {}

    def take(self, rank: int, report: Report, now: float) -> None:
        """Note a rank's latest report."""
        self.seen.setdefault(rank, Seen(report, now)).update(report, now)

    def find_lost(self, now: float, suspicious: bool = False) -> Verdict | None:
        """A rank that stopped reporting.

        Args:
            now: the clock.
            suspicious: a collective failed on this rank, so another one is likely gone.
        """
        suspicious |= any(seen.report.suspicious for seen in self.seen.values())
        patience = self.quick_timeout if suspicious else self.timeout
        for rank, seen in self.seen.items():
            report, silent = seen.report, now - seen.alive
            if PHASES[report.progress[1]] != 'done' and silent > patience:
                reason = (
                    f'rank {rank} sent no sign of life for {silent:.0f} s (killed, '
                    f'frozen, or its machine lost) {describe(report.progress)}'
                )
                return Verdict(reason, [rank, *report.identity])
        return None

    def find_hung(self, now: float) -> Verdict | None:
        """A living rank without progress."""
        working = {
            rank: seen
            for rank, seen in self.seen.items()
            if seen.report.progress[1] < FINISHING
        }
        if not working:
            return None
        last = min(seen.report.progress for seen in working.values())
        behind = [r for r, seen in working.items() if seen.report.progress == last]
        waited = min(now - working[rank].moved for rank in behind)
        if waited <= self.stall_timeout:
            return None
        # Within a step all are equally far; some only wait for the hung ones.
        hung = [r for r in behind if not working[r].report.waits] or behind
        ranks = ', '.join(map(str, hung))
        locations = ', '.join(working[rank].report.location for rank in hung)
        return Verdict(
            f'rank {ranks} made no progress for {waited:.0f} s (process alive, but '
            f'hung) {describe(last)}, in {locations}',
            None,
        )


def describe(progress: Any) -> str:
    """Iteration and phase in words."""
    iteration, phase, _ = progress
    if PHASES[phase] == 'starting':
        return 'while starting'
    return f'at iteration {iteration + 1}, {PHASES[phase]}'
