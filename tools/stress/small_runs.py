"""Small runs of every recipe, in processes forked from one that has imported all.

What kill_resume.py, soak.py and the tests share: a run's ranks, and ways to kill it.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from mmengine.runner import Runner

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from mmengine.config import Config
from mmengine.hooks import Hook

import cld_mm.registry  # noqa: F401
from cld_mm.distributed.process_group import prepare_distributed
from cld_mm.distributed.rank_watchdog import watching
from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint import StoppedBySignal
from cld_mm.engine.checkpoint import file_format as files
from tools.stress.processes import free_port

_running: set[int] = set()  # leaders of runs not yet waited for


class Kill(NamedTuple):
    """When a run is killed.

    Attributes:
        how: 'iteration' (within it), 'time' (seconds after training began), 'write'
            (after a fraction of a checkpoint's bytes), 'load' (a resuming rank has just
            read its checkpoint), 'evaluation' (within it), or 'stop' and 'stop
            evaluation' (SIGTERM in an iteration or an evaluation, so that it saves and
            leaves).
        when: the iteration, the seconds, the number of the write or of the evaluated
            batch.
        share: of the write that gets to the disk.
        rank: which one is hit in an iteration, a load or an evaluation.
    """

    how: str
    when: float
    share: float = 0.5
    rank: int = 0


class Record(Hook):
    """Notes each step's losses, and kills the run where it is told to."""

    priority = 'VERY_HIGH'

    def __init__(self, folder: Path, rank: int, kill: Kill | None) -> None:
        self.path = folder / f'losses_{rank}.jsonl'
        self.kill = kill
        self.evaluated = 0  # batches

    def before_train(self, runner: Runner) -> None:
        (self.path.parent / 'started').touch()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        values = {k: float(v).hex() for k, v in outputs.items() if 'loss' in k}
        with open(self.path, 'a') as file:
            file.write(json.dumps([runner.iter + 1, values]) + '\n')
        kill = self.kill
        if kill and kill.how == 'iteration' and runner.iter + 1 == kill.when:
            kill_group()
        if kill and kill.how == 'stop' and runner.iter + 1 == kill.when:
            os.kill(os.getpid(), signal.SIGTERM)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        self.after_features(runner, batch_idx, len(runner.val_dataloader))

    def after_features(self, runner: Runner, batch_idx: int, batches: int) -> None:
        self.evaluated += 1
        with open(self.path.with_name('evaluated'), 'a') as file:
            file.write('.')
        if self.kill and self.evaluated == self.kill.when:
            if self.kill.how == 'evaluation':
                kill_group()
            if self.kill.how == 'stop evaluation':
                os.kill(os.getpid(), signal.SIGTERM)


def kill_group() -> None:
    """End this run, all ranks and loaders of it, as a machine does that goes away."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def spawn(
    make: Callable[[], Config],
    folder: Path,
    ranks: int = 1,
    resume: bool = False,
    kill: Kill | None = None,
    prepare: Callable[[], None] | None = None,
) -> int:
    """Fork a run in a process group of its own.

    Args:
        make: its config.
        folder: for records; log.txt gets what it prints.
        ranks: processes, joined over gloo.
        resume: from the newest checkpoint.
        kill: when it ends itself.
        prepare: called in each rank first.

    Returns:
        Process id of the group's leader, which ends with rank 0's exit code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'started').unlink(missing_ok=True)
    port = free_port()
    sys.stdout.flush()
    leader = os.fork()
    if leader:
        _running.add(leader)
        os.setpgid(leader, leader)  # it does so too: whoever is first
        return leader
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log = os.open(folder / 'log.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        others = []
        for rank in range(1, ranks):
            other = os.fork()
            if not other:
                code = _rank(make, folder, rank, ranks, port, resume, kill, prepare)
                os._exit(code)
            others.append(other)
        code = _rank(make, folder, 0, ranks, port, resume, kill, prepare)
        for other in others:
            code = code or os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])
    finally:
        os._exit(code)


def _rank(
    make: Callable[[], Config],
    folder: Path,
    rank: int,
    ranks: int,
    port: int,
    resume: bool,
    kill: Kill | None,
    prepare: Callable[[], None] | None,
) -> int:
    torch.set_num_threads(1)
    if prepare is not None:
        prepare()
    cfg = make()
    cfg.resume = resume
    if ranks > 1:
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(ranks), LOCAL_RANK=str(rank))
        cfg.launcher = 'pytorch'
        prepare_distributed(cfg)
    if kill is not None and kill.how == 'write' and rank == 0:
        _kill_in_write(kill)
    if kill is not None and kill.how == 'load' and rank == kill.rank:
        _kill_in_load()
    if kill is not None and kill.how == 'time' and rank == 0:
        _kill_after(kill.when, folder)
    try:
        with watching({'timeout': 20, 'stall_timeout': 120}):
            runner = build_runner(cfg)
            hit = kill is not None and kill.rank == rank
            runner.register_hook(Record(folder, rank, kill if hit else None))
            runner.train()
        return 0
    except StoppedBySignal as stopped:
        print(stopped, flush=True)
        return stopped.code
    except BaseException as error:
        import traceback

        traceback.print_exc()
        print(f'error: {error}', flush=True)
        return 1


def _kill_in_write(kill: Kill) -> None:
    """Let the disk get a fraction of one checkpoint's bytes, then kill."""
    opened, files_begun = files.open_atomically, count(1)

    @contextmanager
    def open_and_die(path: Path, **settings: Any) -> Iterator[Any]:
        with opened(path, **settings) as file:

            def write_part(data: Any) -> None:
                file.write(data[: int(kill.share * len(data))])
                file.flush()
                kill_group()

            dies = next(files_begun) == kill.when
            yield SimpleNamespace(write=write_part) if dies else file

    files.open_atomically = open_and_die  # type: ignore[assignment]


def _kill_in_load() -> None:
    """End the group when this rank has read a checkpoint and not yet taken it over."""
    load = torch.load

    def read(*args: Any, **settings: Any) -> None:
        load(*args, **settings)
        kill_group()

    torch.load = read


def _kill_after(seconds: float, folder: Path) -> None:
    watcher = os.fork()
    if not watcher:
        while not (folder / 'started').exists():
            time.sleep(0.005)
        time.sleep(seconds)
        kill_group()
        os._exit(0)


def wait(leader: int, seconds: float = 240) -> int:
    """The exit code of a run, minus the signal's number where one ended it.

    Raises:
        TimeoutError: it does not end; it is killed.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(leader, os.WNOHANG)
        if done:
            _clear(leader)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _clear(leader)
    os.waitpid(leader, 0)
    raise TimeoutError(f'a run did not end within {seconds:.0f} s.')


def _clear(leader: int) -> None:
    _running.discard(leader)
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A temporary folder; on the way out its runs end and it goes."""
    root = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield root
    finally:
        for leader in list(_running):
            _clear(leader)
            with suppress(ChildProcessError):  # it had ended, and been let go of
                os.waitpid(leader, 0)
        shutil.rmtree(root, ignore_errors=True)
