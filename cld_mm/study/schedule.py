"""Do what a study still lacks: one process per run, several at once if asked for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mmengine.config import Config
from tqdm import tqdm

from cld_mm.fileio.training_logs import read_run

from .plan import Run, Study, StudyError
from .results import Result, check_result, read_results, result_file
from .revision import code_revision
from .settings import data_of, run_config, settings_digest, work_dir_of

TOOL = Path(__file__).resolve().parents[2] / 'tools/study.py'
STOPPED = 75  # what a run that saved and left on a signal ends with


class Chosen:
    """Which hyperparameters an arm's trials chose."""

    def __init__(self, study: Study, results: dict[str, Result]) -> None:
        self.study = study
        self.results = results

    def of(self, run: Run) -> dict[str, Any] | None:
        """The settings of a run beside its arm's; None while trials are missing."""
        if run.arm is None or run.kind == 'untrained':
            return {}
        if run.kind == 'trial':
            return self.study.trials(run.arm.name)[run.trial or 0]
        name = run.arm.tuned_as
        trials = self.study.trials(name)
        found = [self.results.get(f'{name}-trial{i}') for i in range(len(trials))]
        if not all(found):
            return None
        metric = self.study.tuning.get('metric', '')
        scores = [result['measures'][metric] for result in found if result]
        return trials[scores.index(max(scores))] if trials else {}


def check(
    study: Study, folder: Path, any_revision: bool = False
) -> tuple[dict[str, Result], list[Run]]:
    """Check every run's config and every result before anything runs.

    Returns:
        The results that are there, and the runs without one.

    Raises:
        StudyError: a result is of other code, data or settings.
        ConfigError, FileNotFoundError: a config or its data are wrong.
    """
    results = read_results(folder, study)
    revision = None if any_revision else code_revision()
    chosen = Chosen(study, results)
    data: dict[str, Any] = {}
    for run in study.runs():
        cfg = run_config(study, run, chosen.of(run) or {})
        if run.name in results:
            path = result_file(folder, study, run)
            digest = settings_digest(cfg)
            check_result(path, results[run.name], revision, digest, data_of(cfg, data))
        metric = study.tuning.get('metric')
        if run.kind == 'trial' and metric not in (
            results.get(run.name, {}).get('measures', {metric: 0})
        ):
            raise StudyError(f'{study.file}: tuning: there is no measure {metric!r}.')
    return results, [run for run in study.runs() if run.name not in results]


def prepare(study: Study, run: Run, results: dict[str, Result], root: Path) -> Config:
    """The config of a run that is due, its work dir and resuming set."""
    cfg = run_config(study, run, Chosen(study, results).of(run) or {})
    cfg.work_dir = str(work_dir_of(root, study, run))
    cfg.resume = run.kind in ('trial', 'final')
    return cfg


def run_all(
    study: Study,
    waiting: list[Run],
    folder: Path,
    root: Path,
    jobs: int = 1,
    max_minutes: float | None = None,
) -> int:
    """Do the runs; those that are stopped by the time limit resume when called again.

    Args:
        study: the study.
        waiting: its runs without a result.
        folder: of the results.
        root: of the work dirs.
        jobs: processes at once.
        max_minutes: stop after these.

    Returns:
        How many runs are still missing.

    Raises:
        StudyError: a run failed.
    """
    deadline = time.monotonic() + 60 * (max_minutes or float('inf'))
    sizes = {run.name: _steps(study, run) for run in waiting}
    active: dict[subprocess.Popen, Run] = {}
    waiting = list(waiting)
    finished = 0
    bar = tqdm(
        total=sum(sizes.values()) or 1,
        unit='step',
        mininterval=1 if sys.stderr.isatty() else 60,
        bar_format='{desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} steps '
        '[{elapsed} < {remaining}{postfix}]',
    )
    try:
        while (waiting or active) and time.monotonic() < deadline:
            while len(active) < jobs and (run := _next(study, waiting, folder)):
                waiting.remove(run)
                active[_start(study, run, folder, root)] = run
            if not active:
                raise StudyError(
                    f'{waiting[0].name} waits for trials that are not among the runs: '
                    'run the study without --only.'
                )
            time.sleep(0.5)
            for process in [p for p in active if p.poll() is not None]:
                run = active.pop(process)
                if not result_file(folder, study, run).is_file():
                    raise StudyError(
                        f'{run.name} ended with code {process.returncode} and no '
                        f'result: see {work_dir_of(root, study, run)}/output.txt.'
                    )
                finished += sizes[run.name]
            done = [_progress(root, study, run) for run in active.values()]
            bar.n = min(bar.total, finished + sum(step for step, _ in done))
            names = ', '.join(run.name for run in active.values())
            bar.set_description_str(names[:60], refresh=False)
            bar.set_postfix_str(', '.join(text for _, text in done if text), False)
            bar.update(0)
    finally:
        _stop(active)
        bar.close()
    return len(waiting) + len(active)


def _next(study: Study, waiting: list[Run], folder: Path) -> Run | None:
    """The first run whose hyperparameters are known."""
    chosen = Chosen(study, read_results(folder, study))
    return next((run for run in waiting if chosen.of(run) is not None), None)


def _steps(study: Study, run: Run) -> int:
    if run.kind in ('pixels', 'untrained'):
        return 0
    return int(run_config(study, run, {}).train_cfg.max_iters)


def _start(study: Study, run: Run, folder: Path, root: Path) -> subprocess.Popen:
    work_dir = work_dir_of(root, study, run)
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / 'output.txt').open('a') as output:
        return subprocess.Popen(  # noqa: S603 our own tool
            [
                sys.executable,
                str(TOOL),
                str(study.file),
                '--results',
                str(folder),
                '--work-dir',
                str(root),
                '--run',
                run.name,
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
        )


def _progress(root: Path, study: Study, run: Run) -> tuple[int, str]:
    try:
        curves = read_run(work_dir_of(root, study, run))
    except (FileNotFoundError, ValueError):
        return 0, ''
    steps, losses = curves.get('loss', ([0], [0]))
    return int(steps[-1]), f'loss {losses[-1]:.3f}'


def _stop(active: dict[subprocess.Popen, Run]) -> None:
    """Ask the runs to save and leave; those that do not in time are ended."""
    for process in active:
        process.send_signal(signal.SIGTERM)
    for process in active:
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
