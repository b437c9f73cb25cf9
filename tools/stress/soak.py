"""Train for hours under random kills and restarts: does anything grow or get lost?

``python tools/stress/soak.py --minutes 120 --seed 0``: two ranks over gloo train a tiny
model on small data; again and again all ranks or one are killed (kill -9), also in the
middle of writing a checkpoint, or asked to stop (SIGTERM), and the run is resumed. Then
an unbroken run trains as many iterations; losses, weights, optimizer and random states
of the two must be equal.

Memory and open files of ranks and loader workers of both runs are sampled throughout.
Slopes are taken within processes, without the first half of a life (at least a minute,
at most ten), and over restarts, between processes of the same age. In runs of a few
minutes they are mostly what a process takes until it has warmed up.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


from tools.stress.cases import CASES
from tools.stress.closing import closing_line
from tools.stress.processes import (
    Orphans,
    Process,
    adopt_orphans,
    living,
    memory_and_files,
    reap,
)
from tools.stress.slopes import Sample, largest, slopes


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train long, under random kills.')
    parser.add_argument('--minutes', type=float, default=120, help='of broken training')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--case', choices=list(CASES), default='moco_cld')
    parser.add_argument('--workers', type=int, default=1, help='loaders of a rank')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

from mmengine.config import Config

from tools.stress.comparing import differences, losses
from tools.stress.small_configs import config, digits
from tools.stress.small_runs import Kill, scratch, spawn, wait

RANKS, EVERY = 2, 0.25  # seconds between samples
HANG = 90  # seconds that a rank has to end once another has died


class Watch:
    """Samples the processes of one run after another into a file.

    Args:
        path: of the file.

    Attributes:
        run: prefix of the samples' roles, such as 'unbroken_'.
        ranks: of the run, as last seen.
        orphans: workers whose rank has died.
    """

    def __init__(self, path: Path) -> None:
        self.path = path  # not a list: forked runs would inherit its growth
        self.run = ''
        self.ranks: list[Process] = []
        self.orphans = Orphans()
        self._workers: dict[tuple[int, int], Process] = {}
        self._leg = 0

    def sample(self, leader: int) -> None:
        """Take a sample of all processes of a run."""
        among = living()
        self.ranks = [p for p in among.values() if p.group == leader]
        parents = {rank.pid for rank in self.ranks}
        workers = [
            p for p in among.values() if p.parent in parents and p.group != leader
        ]
        self._sample(f'{self.run}rank', self.ranks)
        self._sample(f'{self.run}worker', workers)
        self._workers.update({(p.pid, p.start): p for p in workers})
        for key, worker in list(self._workers.items()):
            if worker.parent not in parents:
                self.orphans.expect_to_end(worker)
                del self._workers[key]
        self.orphans.check(among)

    def _sample(self, role: str, processes: list[Process]) -> None:
        with open(self.path, 'a') as file:
            for process in processes:
                measured = memory_and_files(process)
                if measured is not None:
                    name = f'{process.pid}.{process.start}'
                    row = (self._leg, role, name, time.monotonic(), *measured)
                    file.write(json.dumps(row) + '\n')

    def next_leg(self) -> None:
        """Another run begins."""
        reap()
        self._leg += 1

    def samples(self) -> list[Sample]:
        """All that was sampled."""
        return [Sample(*json.loads(x)) for x in self.path.read_text().splitlines()]


# All ranks, as a machine that goes away; one, as the kernel does when memory is short;
# a request, as by a scheduler; all in the middle of writing a checkpoint.
KILLS = ('all', 'one', 'term', 'write')


def kill(how: str, ranks: list[Process], draw: random.Random) -> None:
    """End ranks in one of ``KILLS``; where one is killed, the others must leave."""
    if how == 'one':
        os.kill(draw.choice(ranks).pid, signal.SIGKILL)
    else:
        end = signal.SIGTERM if how == 'term' else signal.SIGKILL
        os.killpg(ranks[0].group, end)


def run_leg(
    leader: int, watch: Watch, draw: random.Random, due: Callable[[], str | None]
) -> tuple[int, str | None]:
    """Watch a run until all its ranks have ended, killing on the way.

    Args:
        leader: the run's.
        watch: takes the samples.
        draw: chooses the rank.
        due: says how to kill once it is time to, and None until then.

    Returns:
        Exit code of rank 0, and how it was killed from here, if it was.

    Raises:
        TimeoutError: a rank did not end after another was killed.
    """
    watch.next_leg()
    how, killed_at = None, 0.0
    while True:
        watch.sample(leader)
        if not watch.ranks:
            return wait(leader), how
        if how is None:
            how, killed_at = due(), time.monotonic()
            if how is not None:
                kill(how, watch.ranks, draw)
        elif time.monotonic() - killed_at > HANG:
            raise TimeoutError(f'a rank still runs {HANG} s after a kill ({how}).')
        time.sleep(EVERY)


def break_for(
    minutes: float,
    make: Callable[[], Config],
    folder: Path,
    watch: Watch,
    draw: random.Random,
    kills: Counter[str],
) -> None:
    """Train, kill and resume until the time is over; counts in which way killed.

    Raises:
        RuntimeError: a run ended by itself.
    """
    end = time.monotonic() + 60 * minutes
    mean = min(45, max(4, 60 * minutes / 40))
    resume = False
    while time.monotonic() < end:
        how, at = draw.choice(KILLS), time.monotonic() + 2
        at += draw.expovariate(1 / mean)
        write = Kill('write', draw.randint(1, 30), draw.random())
        leader = spawn(
            make, folder, RANKS, resume, kill=write if how == 'write' else None
        )

        def due(how: str = how, at: float = at) -> str | None:
            # Before the ranks have met, it is the launcher that ends the others.
            met = how != 'one' or (folder / 'started').exists()
            return how if met and time.monotonic() > min(at, end) else None

        try:
            code, done = run_leg(leader, watch, draw, due)
        except TimeoutError as error:
            tail = (folder / 'log.txt').read_text()[-3000:]
            raise TimeoutError(f'{error} Its log ends with: {tail}') from error
        if done is None and (how, code) != ('write', -signal.SIGKILL):
            tail = (folder / 'log.txt').read_text()[-2000:]
            raise RuntimeError(f'a run ended by itself with {code}: {tail}')
        kills[f'{how} by time' if how == 'write' and done else how] += 1
        resume = True


def stop_well(
    make: Callable[[], Config],
    folder: Path,
    watch: Watch,
    draw: random.Random,
) -> int:
    """Resume once more and ask the run to stop; the iterations it has done."""
    before = len(losses(folder, RANKS - 1))
    leader = spawn(make, folder, RANKS, resume=True)

    def due() -> str | None:
        return 'term' if len(losses(folder, RANKS - 1)) > before else None

    code, _ = run_leg(leader, watch, draw, due)
    if code != 75:
        tail = (folder / 'log.txt').read_text()[-2000:]
        raise RuntimeError(f'a run asked to stop ended with {code}: {tail}')
    return max(losses(folder))


def main() -> int:
    args = parse_args()
    report = {
        'minutes': args.minutes,
        'seed': args.seed,
        'case': args.case,
        'final_weights_equal': None,
    }
    adopt_orphans()
    with closing_line(report), scratch('soak_') as root:
        found = soak(args, root, report)
    return int(bool(found) or report['orphaned_workers'] > 0)


def soak(args: argparse.Namespace, root: Path, report: dict) -> list[str]:
    """The whole of it; fills the report and returns what differs."""
    draw = random.Random(args.seed)  # noqa: S311 no secret
    data = digits(root / 'data')
    whole, parts = root / 'whole', root / 'parts'

    def make(folder: Path, saves: int) -> Callable[[], Config]:
        return lambda: config(
            args.case,
            folder,
            data,
            epochs=10**6,
            workers=args.workers,
            seed=args.seed,
            train_dataloader__batch_size=6 // RANKS,
            train_cfg__val_interval=50,
            default_hooks__checkpoint__interval=25 if saves else -1,
            default_hooks__checkpoint__max_keep_ckpts=3,
            default_hooks__checkpoint__every_iters=saves,
        )

    watch = Watch(root / 'samples.jsonl')
    broken, kills = make(parts, 7), Counter[str]()
    report['kinds'] = kills
    break_for(args.minutes, broken, parts, watch, draw, kills)
    stop = stop_well(broken, parts, watch, draw)
    report |= {'kills': sum(kills.values()), 'iterations': stop}
    print(f'{stop} iterations, killed: {dict(kills)}', flush=True)
    watch.run = 'unbroken_'  # its config does not save on the way
    leader = spawn(make(whole, 0), whole, RANKS, kill=Kill('stop', stop))
    code, _ = run_leg(leader, watch, draw, lambda: None)
    found = differences(whole, parts, RANKS)
    if code != 75:
        found.append(f'the unbroken run ended with {code}')
    while watch.orphans.check(living()):
        time.sleep(EVERY)
    for line in found[:10]:
        print(f'    {line}', flush=True)
    memory = slopes(watch.samples(), 'memory', args.minutes)
    files = slopes(watch.samples(), 'files', args.minutes)
    report |= {
        'memory_slopes': memory,
        'fd_slopes': files,
        'memory_slope_mb_per_hour': largest(memory),
        'fd_slope': largest(files),
        'orphaned_workers': watch.orphans.left,
        'slowest_orphan_s': round(watch.orphans.slowest, 2),
        'final_weights_equal': not found,
    }
    return found


if __name__ == '__main__':
    sys.exit(main())
