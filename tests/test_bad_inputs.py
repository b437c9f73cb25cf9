"""Spoilt images and configs: a small form of tools/stress."""

import importlib.util
import os
from pathlib import Path

import pytest

from cld_mm.apis.setting_types import accepts, misfit

ROOT = Path(__file__).resolve().parents[1]


def script(name: str):
    spec = importlib.util.spec_from_file_location(
        name, ROOT / f'tools/stress/{name}.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def _here():
    """The script changes the working folder."""
    before = os.getcwd()
    yield
    os.chdir(before)


def test_spoilt_images_are_refused_or_right():
    counts = script('bad_images').run(images=400, seed=11)
    assert counts['images'] == counts['returned'] + counts['refused'] == 400
    faults = ('worker_crashes', 'hangs', 'silent_wrong', 'path_not_named')
    assert {name: counts[name] for name in faults} == dict.fromkeys(faults, 0)
    assert counts['returned'] > 40


def test_the_oracle_of_images_sees_a_wrong_one():
    """Were LoadImage to give a cut image, or one from elsewhere, it would count."""
    import numpy as np

    module = script('bad_images')
    data = module.bases(np.random.default_rng(0))[0]
    right = module.strict(data)[..., ::-1]
    assert not module.is_wrong(data, right)
    assert module.is_wrong(data, right[::-1])
    assert module.is_wrong(data[:-200], right)


@pytest.mark.usefixtures('_here')
def test_spoilt_configs_run_or_say_what_is_wrong():
    counts = script('bad_configs').run(configs=25, seed=11)
    assert counts['configs'] == 25
    assert counts['raw_tracebacks'] == counts['hangs'] == 0
    assert counts['key_not_named'] <= 2
    assert counts['one_sentence'] > 10


def test_types_of_settings():
    for hint, good, bad in [
        (int, [1], [True, 1.5, '1', None, []]),
        (float, [1, 0.5], [False, '1', None, {}]),
        (bool, [True], [1, 'no', None]),
        (str, ['a'], [1, None, ['a']]),
        (int | None, [1, None], ['a', 0.5]),
        (list[int], [[], [1], (1, 2)], ['12', [0.5], 1, None]),
        (tuple[float, float], [(0.1, 1), [1, 2]], [(1,), (1, 2, 3), 'ab', 1]),
        (dict, [{}], [[], 'a', 1]),
        (Path, ['a', {'type': 'b'}], [1, None]),
    ]:
        for value in good:
            assert accepts(hint, value), (hint, value)
        for value in bad:
            assert not accepts(hint, value), (hint, value)

    class Part:
        def __init__(self, size: int, name='x', share=0.5, flag=False) -> None: ...

    assert misfit(Part, 'size', '3') == 'int'
    assert misfit(Part, 'name', 3) == 'str'
    assert misfit(Part, 'share', 'much') == 'a number'
    assert misfit(Part, 'flag', 'no') == 'bool'
    assert misfit(Part, 'unknown', 1) is None
    for key, value in {'size': 3, 'name': 'y', 'share': 1, 'flag': True}.items():
        assert misfit(Part, key, value) is None
