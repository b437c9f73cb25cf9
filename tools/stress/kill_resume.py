"""Kill runs at random points and resume them: is anything lost?

``python tools/stress/kill_resume.py --kills 50 --seed 0``: runs of every algorithm,
with and without CLD, of linear probing and of fine-tuning, on one and two ranks and
with 0 to 2 loader processes, are killed (kill -9 of the whole process group) in an
iteration, at a time, or while a checkpoint is written, and resumed until they are done.
All losses of every rank and the last checkpoint must equal an unbroken run's.
"""

import argparse
import json
import random
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from small_configs import CASES, config, digits
from small_runs import (
    differences,
    random_kill,
    scratch,
    spawn,
    wait,
)

EPOCHS, BATCHES = 3, 4


def one_run(case: str, draw: random.Random, data: Path, folder: Path) -> dict:
    """Break one run a few times, resume it to its end, and compare it."""
    ranks, workers = draw.choice((1, 2)), draw.choice((0, 1, 2))
    seed, counts = draw.randrange(1000), draw.choice((1, 1, 2))
    whole, parts = folder / 'whole', folder / 'parts'

    def make(where: Path, workers: int):
        return lambda: config(
            case,
            where,
            data,
            epochs=EPOCHS,
            workers=workers,
            seed=seed,
            train_dataloader__batch_size=6 // ranks,
            optim_wrapper__accumulative_counts=counts,
        )

    start = time.monotonic()
    code = wait(spawn(make(whole, 0), whole, ranks))
    if code:
        tail = (whole / 'log.txt').read_text()[-2000:]
        return {'kills': 0, 'found': [f'the unbroken run ended with {code}: {tail}']}
    seconds = time.monotonic() - start
    kills, planned, resume = 0, draw.randint(1, 4), False
    while True:
        kill = random_kill(draw, EPOCHS * BATCHES, seconds) if planned > 0 else None
        make_parts = make(parts, draw.choice((workers, 0)))
        code = wait(spawn(make_parts, parts, ranks, resume=resume, kill=kill))
        planned, resume = planned - 1, True
        if code == -9:
            kills += 1
        elif code:
            tail = (parts / 'log.txt').read_text()[-2000:]
            return {'kills': kills, 'found': [f'a run ended with {code}: {tail}']}
        else:
            break
    found = differences(whole, parts, ranks)
    found += [f'left behind: {half.name}' for half in parts.glob('.*.part')]
    about = f'{ranks} rank(s), {workers} worker(s), {counts} batch(es) a step'
    return {'kills': kills, 'found': found, 'about': about}


def main() -> int:
    parser = argparse.ArgumentParser(description='Kill runs and resume them.')
    parser.add_argument('--kills', type=int, default=50, help='at least so many')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cases', nargs='+', choices=list(CASES), default=list(CASES))
    args = parser.parse_args()
    draw = random.Random(args.seed)  # noqa: S311
    kills, differing, runs = 0, 0, 0
    with scratch('kill_resume_') as root:
        data = digits(root / 'data')
        while kills < args.kills:
            case = args.cases[runs % len(args.cases)]
            folder = root / f'run_{runs}'
            result = one_run(case, draw, data, folder)
            shutil.rmtree(folder)
            runs, kills = runs + 1, kills + result['kills']
            differing += bool(result['found'])
            verdict = 'DIFFERS' if result['found'] else 'equal'
            print(
                f'{case}: {verdict} after {result["kills"]} kill(s), '
                f'{result.get("about", "")} ({kills} of {args.kills})',
                flush=True,
            )
            for line in result['found'][:5]:
                print(f'    {line}', flush=True)
    print(
        json.dumps(
            {
                'kills': kills,
                'runs': runs,
                'differing_runs': differing,
                'seed': args.seed,
            }
        )
    )
    return int(differing > 0)


if __name__ == '__main__':
    sys.exit(main())
