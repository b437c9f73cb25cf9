"""Run a study: ``python tools/study.py STUDY.py [--jobs N] [--max-minutes M]``.

Trains and measures what has no result yet, one JSON file per run in
``results/<study>/``, and resumes what was cut. ``--report`` writes tables and plots.
"""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Run a study, or report on it.')
    parser.add_argument('study', type=Path, help='config of the study')
    parser.add_argument('--jobs', type=int, default=1, help='runs at once (default 1)')
    parser.add_argument(
        '--only', metavar='NAME', help='only this arm, or only this run'
    )
    parser.add_argument(
        '--max-minutes', type=float, help='stop after these; call again to resume'
    )
    parser.add_argument(
        '--report', action='store_true', help='write tables and plots, run nothing'
    )
    parser.add_argument(
        '--list', action='store_true', help='list the runs and whether they are done'
    )
    parser.add_argument('--results', type=Path, default=Path('results'))
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/studies'))
    parser.add_argument('--docs', type=Path, default=Path('docs/evidence.md'))
    parser.add_argument('--readme', type=Path, default=Path('README.md'))
    parser.add_argument(
        '--any-revision',
        action='store_true',
        help='accept results made by another revision of the code',
    )
    parser.add_argument('--run', help=argparse.SUPPRESS)  # one run, in this process
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.engine.checkpoint import StoppedBySignal
from cld_mm.engine.preemption.signals import leave_at_once
from cld_mm.study import StudyError, load_study
from cld_mm.study.results import read_results, result_file
from cld_mm.study.schedule import Chosen, check, prepare, run_all


def run_one(args: argparse.Namespace) -> None:
    """What each run's own process does."""
    from cld_mm.study.execute import execute

    leave_at_once('call the study again')
    study = load_study(args.study)
    run = next(run for run in study.runs() if run.name == args.run)
    results = read_results(args.results, study)
    cfg = prepare(study, run, results, args.work_dir)
    chosen = Chosen(study, results).of(run) or {}
    try:
        execute(study, run, cfg, chosen, result_file(args.results, study, run))
    except StoppedBySignal as stopped:
        print(stopped)
        sys.exit(stopped.code)


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        if args.run:
            run_one(args)
            return
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the runs too
        if args.jobs < 1 or (args.max_minutes is not None and args.max_minutes <= 0):
            raise StudyError('--jobs must be >= 1 and --max-minutes above 0.')
        study = load_study(args.study)
        if args.report:
            from cld_mm.study.quickstart_table import fill_quickstart
            from cld_mm.study.report import write_report
            from cld_mm.study.summary import fill_summary, load_studies

            write_report(study, args.results, args.docs)
            for page in (args.docs, args.readme):
                fill_summary(page, load_studies(args.study.parent), args.results)
                fill_quickstart(page, args.results / 'quickstart')
            return
        results, waiting = check(study, args.results, args.any_revision)
        if args.only:
            names = {run.arm.name for run in study.runs() if run.arm}
            known = names | {run.name for run in study.runs()}
            if args.only not in known:
                raise StudyError(
                    f'--only {args.only}: unknown; arms: {", ".join(study.arms)}.'
                )
            waiting = [
                run
                for run in waiting
                if args.only in (run.name, run.arm.name if run.arm else None)
            ]
        if args.list:
            for run in study.runs():
                print(f'{"done   " if run.name in results else "missing"} {run.name}')
            return
        print(f'{study.name}: {len(results)} results, {len(waiting)} runs to do')
        left = run_all(
            study, waiting, args.results, args.work_dir, args.jobs, args.max_minutes
        )
        print(f'{left} runs left: call again.' if left else 'all runs are done.')


if __name__ == '__main__':
    main()
