"""A study runs what is missing, resumes, checks what is there, and reports."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cld_mm.study import StudyError, load_study
from cld_mm.study.report import fill, write_report
from cld_mm.study.results import read_results
from cld_mm.study.schedule import Chosen, check

ROOT = Path(__file__).resolve().parents[2]


def run_study(study: Any, *flags: Any) -> tuple:
    """The tool in its own process; its exit code and what it printed."""
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / 'tools/study.py'),
            str(study),
            '--results',
            str(study.parent / 'results'),
            '--work-dir',
            str(study.parent / 'work'),
            '--docs',
            str(study.parent / 'docs.md'),
            '--readme',
            str(study.parent / 'README.md'),
            *flags,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_from_its_trials_to_its_report(tiny: Any) -> None:
    text = tiny.read_text().replace('[0, 1]', '[0]')
    tiny.write_text(text + "baselines = ['pixels']\n")
    results = tiny.parent / 'results'
    code, output = run_study(tiny, '--jobs', '2')
    assert code == 0, output
    study = load_study(tiny)
    found = read_results(results, study)
    assert list(found) == [run.name for run in study.runs()]
    final = found['cld-seed0']
    trials = [found[f'cld-trial{i}']['measures']['knn_backbone_best'] for i in (0, 1)]
    chosen = (0.01, 0.02)[trials.index(max(trials))]
    assert final['options'] == {'optim_wrapper.optimizer.lr': chosen}
    assert [point['step'] for point in final['curve']] == [2, 4]
    assert final['passes_with_gradient'] == 2
    assert final['passes_without_gradient'] == 0
    assert len(final['log']['loss'][0]) == 6
    for key in ('versions', 'hardware', 'command', 'revision'):
        assert final[key]
    assert found['pixels']['measures']['linear'] > 80  # the classes differ in color

    before = {path: path.stat().st_mtime_ns for path in results.rglob('*.json')}
    code, output = run_study(tiny)
    assert code == 0
    assert '0 runs to do' in output
    assert {path: path.stat().st_mtime_ns for path in before} == before

    code, output = run_study(tiny, '--report')
    assert code == 0, output
    page = (tiny.parent / 'docs.md').read_text()
    assert '1 of 1 runs' not in page
    assert '2 of 2 runs done' in page
    assert f'{final["measures"]["linear"]:.1f}' in page
    assert (tiny.parent / 'images/study_tiny.png').is_file()


def one_result(tiny: Any, **changes: Any) -> tuple:
    """A study with one result, as it would be stored, but for the changes."""
    from cld_mm.study.revision import code_revision
    from cld_mm.study.settings import data_of, run_config, settings_digest

    study = load_study(tiny)
    run = next(run for run in study.runs() if run.name == 'cld-trial0')
    cfg = run_config(study, run, Chosen(study, {}).of(run))
    result = {
        'run': run.name,
        'kind': 'trial',
        'arm': 'cld',
        'seed': 0,
        'settings': settings_digest(cfg),
        'data': data_of(cfg, {}),
        'revision': code_revision(),
        'measures': {'knn_backbone_best': 50.0},
        **changes,
    }
    path = tiny.parent / 'results/tiny/cld-trial0.json'
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(result))
    return study, tiny.parent / 'results'


def test_a_result_that_is_there_is_not_due(tiny: Any) -> None:
    results, waiting = check(*one_result(tiny))
    assert list(results) == ['cld-trial0']
    assert 'cld-trial0' not in [run.name for run in waiting]
    assert len(waiting) == 10


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'revision': 'f' * 40}, 'made by revision ffffffffffff, but the code is now'),
        ({'data': {'training': {}, 'test': {}}}, 'other .* data than'),
        ({'settings': '0'}, 'made with other settings'),
        ({'run': 'cld-trial1'}, 'is the result of cld-trial1'),
        ({'measures': {}}, 'no measure'),
    ],
)
def test_a_result_of_something_else_is_refused(
    tiny: Any, changes: dict, message: str
) -> None:
    study, folder = one_result(tiny, **changes)
    with pytest.raises(StudyError, match=message):
        check(study, folder)


def test_another_revision_can_be_accepted(tiny: Any) -> None:
    study, folder = one_result(tiny, revision='f' * 40)
    assert len(check(study, folder, any_revision=True)[0]) == 1


def test_a_damaged_result_is_named(tiny: Any) -> None:
    study, folder = one_result(tiny)
    (folder / 'tiny/cld-trial0.json').write_text('{"run": ')
    with pytest.raises(StudyError, match=r'cld-trial0\.json is not a result'):
        check(study, folder)


def test_data_that_changed_are_noticed(tiny: Any, write_arrays: Any) -> None:
    study, folder = one_result(tiny)
    write_arrays(tiny.parent / 'data', seed=3)
    with pytest.raises(StudyError, match='other training data'):
        check(study, folder)


def test_a_report_needs_markers_to_fill() -> None:
    with pytest.raises(StudyError, match='no <!-- results:a:begin -->'):
        fill('text', 'a', 'table')


def test_a_report_replaces_what_stood_there(tiny: Any) -> None:
    study, folder = one_result(tiny)
    document = tiny.parent / 'page.md'
    write_report(study, folder, document)
    once = document.read_text()
    assert '| plain |' in once
    assert 'not run' in once
    write_report(study, folder, document)
    assert document.read_text() == once
