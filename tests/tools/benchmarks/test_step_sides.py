"""The compared training steps use equal data types."""

import importlib

import pytest


@pytest.mark.parametrize('name', ['moco', 'mmpretrain'])
def test_steps_are_compared_at_equal_types(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = importlib.import_module('tools.benchmarks.step_sides')
    built = []
    monkeypatch.setattr(
        sides, 'build', lambda config, device, dtype, *_: built.append(dtype) or (0, 0)
    )
    monkeypatch.setattr(sides, 'keep_freed_memory', bool)
    args = {'backbone': 'r18', 'queue': 8, 'groups': 2, 'dtype': 'float16'}
    sides.make_side(name, args, 'cpu')
    assert built == ['float16']
