"""A study's config is checked before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from cld_mm.study import StudyError, load_study


def test_runs_are_trials_a_first_seed_baselines_then_the_other_seeds(tiny: Any) -> None:
    names = [run.name for run in load_study(tiny).runs()]
    assert names == [
        'plain-trial0',
        'plain-trial1',
        'cld-trial0',
        'cld-trial1',
        'plain-seed0',
        'cld-seed0',
        'plain-untrained-seed0',
        'plain-untrained-seed1',
        'pixels',
        'plain-seed1',
        'cld-seed1',
    ]


def test_longer_arms_come_last(tiny: Any) -> None:
    text = tiny.read_text()
    tiny.write_text(
        text.replace('plain=dict(config=', 'plain=dict(steps=9, config=', 1)
    )
    names = [run.name for run in load_study(tiny).runs()]
    assert names[-2:] == ['plain-seed0', 'plain-seed1']


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('config.py', 'absent.py', 'the config .*absent.py does not exist'),
        ('[0, 1]', '[0, 1, 0]', 'seed 0 is listed twice'),
        ('[0, 1]', '[-1]', '-1 is not a seed'),
        ('[0, 1]', '[]', 'there are no seeds'),
        ("('cld', 'plain')", "('cld', 'other')", 'must name two of the arms'),
        ('seeds =', 'seed =', "unknown key 'seed'"),
        ('held_out=0.2', 'held_out=1.5', r'held_out must be in \(0, 1\)'),
        ('plain=[{', 'plain=[{}] + [{', 'the same number of trials'),
        ('k=[1, 5]', 'k=[0]', 'k >= 1'),
        ('k=[1, 5]', 'ks=[5]', "unknown key 'ks'"),
        ('arms = dict(', 'arms = dict() or 1 / 0 or dict(', 'division by zero'),
    ],
)
def test_a_wrong_study_is_refused_in_one_line(
    tiny: Any, old: str, new: str, message: str
) -> None:
    text = tiny.read_text()
    assert old in text
    tiny.write_text(text.replace(old, new))
    with pytest.raises(StudyError, match=message) as caught:
        load_study(tiny)
    assert '\n' not in str(caught.value)


def test_a_missing_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r'absent\.py does not exist'):
        load_study(tmp_path / 'absent.py')
