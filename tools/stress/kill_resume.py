"""Kill runs at random points and resume them: is anything lost?

``python tools/stress/kill_resume.py --kills 50 --seed 0``: runs of every algorithm,
with and without CLD, of linear probing and of fine-tuning, on one and two ranks and
with 0 to 2 loader processes, are killed (kill -9 of the whole process group) in an
iteration, at a time, while a checkpoint is written or read, or in an evaluation, where
SIGTERM comes too, and resumed until they are done.
All losses of every rank and the last checkpoint must equal an unbroken run's.
``--seed`` draws ranks, loaders and kills (``--ranks`` sets the ranks); the recipes take
turns. The last line is JSON, also after SIGTERM or Ctrl-C.
"""

import argparse
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


from tools.stress.cases import CASES
from tools.stress.closing import closing_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Kill runs and resume them.')
    parser.add_argument('--kills', type=int, default=50, help='at least so many')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--ranks', type=int, help='of every run, instead of 1 or 2')
    parser.add_argument('--cases', nargs='+', choices=list(CASES), default=list(CASES))
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

from mmengine.config import Config

from cld_mm.engine.preemption.signals import REQUEUE
from tools.stress.comparing import differences
from tools.stress.small_configs import config, digits
from tools.stress.small_runs import Kill, scratch, spawn, wait

EPOCHS, BATCHES = 3, 4
STEPS = EPOCHS * BATCHES


class Plan(NamedTuple):
    """How one run is broken.

    Attributes:
        ranks: 1 or 2.
        workers: loader processes of the first try.
        workers_later: of those that resume.
        counts: batches to a step of the optimizer.
        seed: of the run.
        kills: one after the other; times as fractions of the unbroken run's.
    """

    ranks: int
    workers: int
    workers_later: int
    counts: int
    seed: int
    kills: list[Kill]


def draw_kill(draw: random.Random) -> Kill:
    """A random kill of a run; a time is a fraction of the unbroken run's."""
    whens: dict[str, float] = {
        'iteration': draw.randint(1, STEPS),
        'time': draw.random(),
        'write': draw.randint(1, STEPS // 2),
        'load': 1,
        'evaluation': draw.randint(1, 6),
        'stop evaluation': draw.randint(1, 6),
    }
    how = draw.choice(list(whens))
    rank = draw.randrange(2) if how in ('load', 'evaluation', 'stop evaluation') else 0
    return Kill(how, whens[how], draw.random(), rank)


def draw_plan(draw: random.Random) -> Plan:
    """A random run with one to four kills."""
    return Plan(
        ranks=draw.randint(1, 2),
        workers=draw.randint(0, 2),
        workers_later=draw.randint(0, 2),
        counts=draw.randint(1, 2),
        seed=draw.randrange(1000),
        kills=[draw_kill(draw) for _ in range(draw.randint(1, 4))],
    )


def one_run(case: str, plan: Plan, data: Path, folder: Path) -> dict:
    """Break one run a few times, resume it to its end, and compare it."""
    whole, parts = folder / 'whole', folder / 'parts'

    def make(where: Path, workers: int) -> Callable[[], Config]:
        return lambda: config(
            case,
            where,
            data,
            epochs=EPOCHS,
            workers=workers,
            seed=plan.seed,
            train_dataloader__batch_size=6 // plan.ranks,
            optim_wrapper__accumulative_counts=plan.counts,
        )

    start = time.monotonic()
    code = wait(spawn(make(whole, 0), whole, plan.ranks))
    if code:
        tail = (whole / 'log.txt').read_text()[-2000:]
        return {'kills': 0, 'found': [f'the unbroken run ended with {code}: {tail}']}
    seconds = time.monotonic() - start
    kills = 0
    for attempt, kill in enumerate([*plan.kills, None]):
        if kill is not None and kill.how == 'time':
            kill = kill._replace(when=kill.when * seconds)
        workers = plan.workers_later if attempt else plan.workers
        resume = attempt > 0
        code = wait(spawn(make(parts, workers), parts, plan.ranks, resume, kill))
        if code == 0:
            break
        if code != (REQUEUE if kill and kill.how == 'stop evaluation' else -9):
            tail = (parts / 'log.txt').read_text()[-2000:]
            return {'kills': kills, 'found': [f'a run ended with {code}: {tail}']}
        kills += 1
    found = differences(whole, parts, plan.ranks)
    found += [f'left behind: {half.name}' for half in parts.glob('.*.part')]
    return {'kills': kills, 'found': found}


def main() -> int:
    args = parse_args()
    report = {'kills': 0, 'runs': 0, 'differing_runs': 0, 'seed': args.seed}
    draw = random.Random(args.seed)  # noqa: S311 no secret
    with closing_line(report), scratch('kill_resume_') as root:
        data = digits(root / 'data')
        while report['kills'] < args.kills:
            case = args.cases[report['runs'] % len(args.cases)]
            folder, plan = root / f'run_{report["runs"]}', draw_plan(draw)
            if args.ranks:
                plan = plan._replace(ranks=args.ranks)
            result = one_run(case, plan, data, folder)
            shutil.rmtree(folder)
            report['runs'] += 1
            report['kills'] += result['kills']
            report['differing_runs'] += bool(result['found'])
            verdict = 'DIFFERS' if result['found'] else 'equal'
            print(
                f'{case}: {verdict} after {result["kills"]} kill(s), '
                f'{plan.ranks} rank(s), {plan.workers} worker(s), {plan.counts} '
                f'batch(es) a step ({report["kills"]} of {args.kills})',
                flush=True,
            )
            for line in result['found'][:5]:
                print(f'    {line}\n    {plan}', flush=True)
    return int(report['differing_runs'] > 0)


if __name__ == '__main__':
    sys.exit(main())
