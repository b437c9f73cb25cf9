"""An unbroken run beside a broken one that it follows."""

import json
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from tools.stress.small_runs import Kill, set_limit, spawn


class Unbroken:
    """A run of as many iterations as another has done when that is over.

    It never gets ahead of the other, whose end nobody knows before.

    Args:
        make: its config.
        folder: for its records.
        broken: the folder of the run that it follows.
        ranks: processes of each.

    Attributes:
        leader: process id of its group's leader.
    """

    def __init__(
        self, make: Callable[[], Config], folder: Path, broken: Path, ranks: int
    ) -> None:
        self.folder = folder
        self._steps = broken / f'losses_{ranks - 1}.jsonl'
        self._reached = 0
        set_limit(folder, 0)
        self.leader = spawn(make, folder, ranks, kill=Kill('follow', 0))

    def follow(self) -> None:
        """Let it come as far as the other, but for what may be the last iteration."""
        reached = max(self._reached, _last_step(self._steps))
        if reached > self._reached:
            self._reached = reached
            set_limit(self.folder, reached - 1)

    def stop_at(self, iteration: int) -> None:
        """Let it stop there; the other has, and was never further."""
        set_limit(self.folder, iteration, stop=True)

    def tail(self) -> str:
        """The end of what it printed."""
        return (self.folder / 'log.txt').read_text()[-2000:]


def _last_step(path: Path) -> int:
    if not path.exists():
        return 0
    with open(path, 'rb') as file:
        file.seek(max(0, path.stat().st_size - 1000))
        lines = file.read().splitlines()
    for line in reversed(lines):
        try:
            return json.loads(line)[0]
        except (json.JSONDecodeError, TypeError):
            continue  # killed while it was written, or cut
    return 0
