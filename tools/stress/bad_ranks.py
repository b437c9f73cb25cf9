"""Break one of two ranks for real, again and again: does every rank stop, and say why?

    python tools/stress/bad_ranks.py --faults 30 --seed 0

Each fault strikes a real two-rank training on scikit-learn's digits at a random rank,
iteration or moment: kill -9 (also while all load a checkpoint), SIGSTOP, NaN, a full
disk, an exception in data loading, an endless
wait there or in the forward or backward pass, an early exit, drifted weights, another
config, seed, dataset or version. Most ranks are forked from this process, which has
imported everything, half of them with the launcher's store and half with rank 0's;
every kind also goes once through tools/dist_train.sh (``--no-scripts`` leaves that
out). A rank alive after ``--limit`` seconds from its fault counts as a hang; an end
whose messages do not name the rank and the reason, as a wrong message. Closes with one
JSON line, also after SIGTERM or Ctrl-C.
"""

import argparse
import atexit
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.stress.closing import closing_line
from tools.stress.processes import fork_tool, free_port

GONE = r'rank {r} sent no sign of life|rank {r}, which keeps the store|'
GONE += r'rank {r} was killed by SIG'
SAID = {
    'kill': GONE,
    'kill at load': GONE,
    'full disk': r'rank {r}\b.*cannot be written: its disk is full',
    'freeze': GONE,
    'nan': r'not finite at iteration \d+ .* on rank {r}',
    'broken loading': r'rank {r}\b.*image \d+ cannot be read',
    'stuck loading': r'rank {r} made no progress for .* loading data',
    'stuck forward': r'rank {r} made no progress for .* training step, in stay \(',
    'stuck backward': r'rank {r} made no progress for .* training step, in stay \(',
    'exit': r'rank {r} stopped: it exited at iteration',
    'os exit': r'rank {r} sent no sign of life|rank {r}, which keeps the store',
    'drift': r'weights of rank (0|1) have drifted .* backbone',
    'other config': r'rank 1 differs from rank 0 in the config: .*optimizer\.lr is',
    'other seed': r'rank 1 differs from rank 0 in the config: randomness\.seed is',
    'other data': r'rank 1 differs from rank 0 in the training data',
    'other version': r'rank 1 differs from rank 0 in the installed versions: cld_mm is',
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Break ranks, watch how they stop.')
    parser.add_argument('--faults', type=int, default=36, help='how many')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--limit', type=float, default=40, help='seconds to the end')
    parser.add_argument('--kinds', nargs='+', choices=SAID, default=list(SAID))
    parser.add_argument('--no-scripts', action='store_true', help='forked ranks only')
    parser.add_argument('--keep', action='store_true', help='keep logs of wrong ends')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from torch import distributed as dist
from cld_mm.datasets.preparation.fashion_mnist import fetch


# What must be said, by kind of fault; {r} is the rank. A killed rank 0 may be missed
# first as the keeper of the store, a rank under torchrun by torchrun.
TIMEOUT, STALL = 5, 8
CONFIG = """
_base_ = '{base}'
custom_imports = dict(imports=['cld_mm', 'rank_faults'])
custom_hooks = _base_.custom_hooks + [dict(type='FaultHook')]
for hook in custom_hooks:
    if hook['type'] == 'RankAgreementHook':
        hook['interval'] = 5
env_cfg = dict(watchdog_cfg=dict(timeout={timeout}, stall_timeout={stall}))
data = dict(data_root='{data}', indices=64)
train_dataloader = dict(batch_size=4, dataset=data)
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
train_cfg = dict(max_epochs=1000)
load_from = {load_from!r}
model = dict(
    queue_len=32,
    backbone=dict(stem_channels=4, base_channels=4),
    neck=dict(in_channels=32, out_channels=8),
    feat_dim=8,
    cld=dict(grouping=dict(num_groups=3)),
)
default_hooks = dict(checkpoint=dict(interval=1000))
rank = __import__('os').environ.get('RANK')
odd = __import__('os').environ.get('CLD_MM_ODD')
if odd == f'other config {{rank}}':
    optim_wrapper = dict(optimizer=dict(lr=0.0123))
if odd == f'other seed {{rank}}':
    randomness = dict(seed=77)
del rank, odd
"""


class Fault:
    """One fault of one training.

    Args:
        kind: a key of SAID.
        draw: where rank, iteration and moment come from.
        folder: for the config, the logs and the checkpoints.
        data: the digits.
    """

    def __init__(self, kind: str, draw: random.Random, folder: Path, data: Path):
        self.kind, self.rank = kind, draw.randrange(2)
        self.folder = folder
        self.note = folder / 'struck'
        self.agent_store = draw.random() < 0.5
        self.config = folder / 'config.py'
        self.config.write_text(
            CONFIG.format(
                base=ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py',
                timeout=TIMEOUT,
                stall=STALL,
                data=data,
                load_from=self._weights() if kind == 'kill at load' else None,
            )
        )
        fault = {
            'kind': kind,
            'rank': self.rank,
            'iteration': draw.randrange(1, 40),
            'delay': draw.uniform(0, 4),
            'note': str(self.note),
        }
        self.env = {
            'CLD_MM_FAULT': json.dumps(fault),
            'CLD_MM_ODD': f'{kind} {self.rank}',
            'MASTER_ADDR': '127.0.0.1',
            'MASTER_PORT': str(free_port()),
            'OMP_NUM_THREADS': '1',
        }

    def _weights(self) -> str:
        path = self.folder / 'weights.pth'
        torch.save({'state_dict': {}, 'meta': {}}, path)
        return str(path)

    def words(self) -> list[str]:
        """Flags of train.py."""
        work_dir = str(self.folder / 'run')
        return [str(self.config), '--launcher', 'pytorch', '--work-dir', work_dir]

    def fork(self, rank: int) -> int:
        """Start one rank from this process; the process number."""

        def main() -> None:
            os.environ.update(self.env, RANK=str(rank), LOCAL_RANK=str(rank))
            os.environ.update(WORLD_SIZE='2')
            if self.agent_store:
                os.environ['TORCHELASTIC_USE_AGENT_STORE'] = 'True'
            from tools import train

            try:
                train.main()
            except SystemExit:
                atexit._run_exitfuncs()  # as the interpreter's own end would
                raise

        return fork_tool(main, self.words(), self.folder / f'rank{rank}.log')

    def run_forked(self, limit: float) -> dict:
        """Train on two forked ranks and watch how they end."""
        store = None
        if self.agent_store:
            store = dist.TCPStore(
                '127.0.0.1',
                int(self.env['MASTER_PORT']),
                is_master=True,
                wait_for_workers=False,
            )
        ranks = {self.fork(rank): rank for rank in range(2)}
        ended: dict[int, int] = {}
        start = time.time()
        try:
            while len(ended) < len(ranks) and not self._late(start, limit):
                for pid in ranks.keys() - ended.keys():
                    found, status = os.waitpid(pid, os.WNOHANG)
                    if found:
                        ended[pid] = os.waitstatus_to_exitcode(status)
                time.sleep(0.02)
        finally:  # also where this script is stopped
            took = time.time() - self._struck(start)
            for pid in ranks.keys() - ended.keys():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        del store
        said = ''.join(path.read_text() for path in self.folder.glob('rank*.log'))
        codes = [ended.get(pid) for pid in ranks]
        return self._judge(said, codes, took, len(ended) < len(ranks))

    def run_script(self, limit: float) -> dict:
        """The same through tools/dist_train.sh; its last line must say it."""
        env = {**os.environ, **self.env, 'PYTHON': sys.executable}
        env |= {'PORT': self.env['MASTER_PORT']}
        env['PYTHONPATH'] = str(Path(__file__).parent)
        script = [str(ROOT / 'tools/dist_train.sh'), str(self.config), '2']
        start = time.time()
        process = subprocess.Popen(  # noqa: S603 a list of our own words
            ['/bin/bash', *script, *self.words()[3:]],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = None
        try:
            while said is None and not self._late(start, limit):
                with suppress(subprocess.TimeoutExpired):
                    said, _ = process.communicate(timeout=1)
        finally:  # also where this script is stopped
            hang = said is None
            if hang:
                os.killpg(process.pid, signal.SIGKILL)
                said, _ = process.communicate()
        said = said or ''
        took = time.time() - self._struck(start)
        last = (said.strip().splitlines() or [''])[-1]
        (self.folder / 'said.log').write_text(said)
        return {**self._judge(last, [process.returncode], took, hang), 'script': True}

    def _struck(self, start: float) -> float:
        try:
            return float(self.note.read_text())
        except (OSError, ValueError):  # not yet, or found before it could strike
            return start

    def _late(self, start: float, limit: float) -> bool:
        struck = self._struck(start)
        return time.time() - struck > (limit if struck != start else limit + 60)

    def _judge(self, said: str, codes: list, took: float, hang: bool) -> dict:
        pattern = SAID[self.kind].format(r=self.rank)
        lines = [line for line in said.splitlines() if 'error: ' in line]
        right = any(re.search(pattern, line) for line in lines)
        return {
            'kind': self.kind,
            'rank': self.rank,
            'script': False,
            'hang': hang,
            'right': right,
            'codes': codes,
            'seconds': round(took, 1),
            'said': lines[-1][:300] if lines else said[-300:],
        }


def strike(
    args: argparse.Namespace,
    draw: random.Random,
    kinds: list[str],
    top: Path,
    report: dict,
) -> None:
    """One fault after the other, a line each, summed up in the report."""
    results: list[dict] = []
    summarize(results, report)
    data = top / 'digits'
    data.mkdir()
    fetch(data, 'digits')
    for number in range(args.faults):
        kind = kinds[number % len(kinds)]
        folder = top / str(number)
        folder.mkdir()
        fault = Fault(kind, draw, folder, data)
        # Each kind's first fault goes the whole way that a user's would.
        script = number < len(kinds) and not args.no_scripts
        run = fault.run_script if script else fault.run_forked
        result = run(args.limit)
        results.append(result)
        summarize(results, report)
        mark = 'HANG' if result['hang'] else 'ok' if result['right'] else 'WRONG'
        way = 'dist_train.sh' if script else 'forked'
        print(
            f'{number:3d} {kind:15s} rank {fault.rank} {way:13s} {mark:5s} '
            f'{result["seconds"]:5.1f} s {result["codes"]} {result["said"]}',
            flush=True,
        )
        if mark != 'ok' and args.keep:
            print(f'    logs: {folder}')


def summarize(results: list[dict], report: dict) -> None:
    """Figures of all faults so far."""
    clean = [r for r in results if 0 in r['codes'] and 'exit' not in r['kind']]
    report.update(
        faults=len(results),
        hangs=sum(r['hang'] for r in results),
        wrong_messages=sum(not r['right'] for r in results),
        ended_as_if_well=len(clean),
        through_dist_train=sum(r['script'] for r in results),
        slowest_seconds=max((r['seconds'] for r in results), default=0),
    )


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    draw = random.Random(args.seed)  # noqa: S311 no secret
    kinds = list(args.kinds)
    draw.shuffle(kinds)
    top = Path(tempfile.mkdtemp(prefix='bad_ranks_'))
    with closing_line({'seed': args.seed}) as report:
        try:
            strike(args, draw, kinds, top, report)
        finally:
            if not args.keep:
                shutil.rmtree(top)
    wrong = report['hangs'] + report['wrong_messages'] + report['ended_as_if_well']
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
