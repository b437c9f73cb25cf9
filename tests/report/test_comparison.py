"""The report opens with the comparison of pixels, untrained and trained network."""

import json
from pathlib import Path

from cld_mm.report import Run, write_page
from cld_mm.report.collect import flat, take_comparison
from cld_mm.report.page import comparison_columns

SIDES = {
    'pixels': {'plain': {'linear': 80.0, 'knn': 85.5, 'knn_k': 5}},
    'trained': {
        'plain': {'linear': 87.25, 'knn': 84.0, 'knn_k': 10},
        'moved': {'linear': 61.0, 'knn': 50.0, 'knn_k': 5},
    },
}


def test_a_comparison_is_taken_out_of_the_results() -> None:
    content = {'seed': 0, 'comparison': json.loads(json.dumps(SIDES))}
    found = take_comparison(content)
    assert found['trained']['plain'] == {'linear': 87.25, 'knn': 84.0}
    assert flat(content) == {'seed': 0}


def test_other_contents_are_no_comparison() -> None:
    for content in ({}, {'comparison': 3}, {'comparison': {'a': {'b': 1}}}):
        before = json.dumps(content)
        assert take_comparison(content) == {}
        assert json.dumps(content) == before


def test_columns_know_the_best_side() -> None:
    columns = comparison_columns(take_comparison({'comparison': SIDES}))
    assert columns == [
        ('linear', 'plain', 'linear', 87.25),
        ('kNN', 'plain', 'knn', 85.5),
        ('linear, moved images', 'moved', 'linear', 61.0),
        ('kNN, moved images', 'moved', 'knn', 50.0),
    ]


def test_the_comparison_is_the_first_section(tmp_path: Path) -> None:
    run = Run(
        'run', tmp_path, 'a = 1', comparison=take_comparison({'comparison': SIDES})
    )
    write_page([run], [None], tmp_path / 'page.html')
    page = (tmp_path / 'page.html').read_text()
    section = page[page.index('<section') : page.index('</section>')]
    assert 'did training help?' in section
    assert 'raw pixels' in section
    assert section.index('80.0 %') < section.index('87.2 %')


def test_a_run_without_a_comparison_has_no_such_section(tmp_path: Path) -> None:
    write_page([Run('run', tmp_path, 'a = 1')], [None], tmp_path / 'page.html')
    assert 'did training help?' not in (tmp_path / 'page.html').read_text()
