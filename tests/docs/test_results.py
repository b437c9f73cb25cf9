"""Numbers in the README and in docs/ are those of the JSON files in results/."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cld_mm.study.quickstart_table import quickstart_table
from cld_mm.study.report import section
from cld_mm.study.summary import load_studies, summary

ROOT = Path(__file__).resolve().parents[2]
PAGES = ('README.md', 'docs/evidence.md')


def between(text: str, name: str) -> Any:
    """What stands between a name's markers, or None."""
    pattern = rf'<!-- results:{name}:begin -->(.*?)<!-- results:{name}:end -->'
    found = re.search(pattern, text, re.DOTALL)
    return found and found[1].strip()


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(ROOT)
    return load_studies(Path('studies'))


def test_every_study_has_its_section(studies: Any) -> None:
    page = (ROOT / 'docs/evidence.md').read_text()
    for study in studies:
        found = between(page, study.name)
        plot = f'images/study_{study.name}.png'
        image = plot if (ROOT / 'docs' / plot).is_file() else None
        assert found == section(study, Path('results'), image), study.name


@pytest.mark.parametrize('page', PAGES)
def test_the_summary_is_computed_from_the_results(studies: Any, page: str) -> None:
    found = between((ROOT / page).read_text(), 'summary')
    if page == 'README.md' and found is None:
        pytest.skip('the README has no summary yet')
    assert found == summary(studies, Path('results'))


@pytest.mark.parametrize('page', PAGES)
def test_the_quickstarts_table_is_computed_from_its_results(page: str) -> None:
    found = between((ROOT / page).read_text(), 'quickstart')
    assert found == quickstart_table(ROOT / 'results/quickstart')


def test_the_table_in_full_precision_is_computed_too() -> None:
    found = between(
        (ROOT / 'docs/evidence.md').read_text(), 'quickstart_full_precision'
    )
    assert found == quickstart_table(ROOT / 'results/quickstart/full_precision')


def test_measured_rows_are_the_readmes() -> None:
    text = (ROOT / 'README.md').read_text()
    for path in (ROOT / 'results/reproduce').glob('*-full-seed0.json'):
        result = json.loads(path.read_text())
        measures = result['measures']
        value = measures.get('accuracy/top1', measures.get('knn_instance/top1'))
        row = next(line for line in text.splitlines() if f'`{result["run"]}`' in line)
        assert row.rstrip(' |').endswith(f'{value:.1f}'), result['run']


def test_no_result_holds_a_path_of_somebodys_machine() -> None:
    for path in (ROOT / 'results').rglob('*.json'):
        assert not re.search(r'"/(home|work|root|tmp|Users)/', path.read_text()), path
        command = json.loads(path.read_text()).get('command', '')
        assert ' /' not in command, path


def test_the_reference_curves_are_those_measured() -> None:
    page = (ROOT / 'docs/tutorials/training-curves.md').read_text()
    curves = json.loads((ROOT / 'results/training_curves.json').read_text())
    keys = 'view_agreement neighbor_overlap effective_rank alignment uniformity'
    for key in [*keys.split(), 'loss_over_log_k']:
        digits = 1 if key == 'effective_rank' else 2
        label = key.replace('_over_', ' / ').replace('_', ' ').replace('log k', 'log K')
        last = [f'{curve[key][-1]:.{digits}f}' for curve in curves.values()]
        assert f'| {label} | {" | ".join(last)} |' in page
