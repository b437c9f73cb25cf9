"""Values against the annotations and defaults of a constructor."""

from pathlib import Path
from typing import Any

import pytest

from cld_mm.config.signatures import accepts, signature_of, wanted_type


class Part:
    # Without annotations the defaults tell the types.
    def __init__(self, size: int, name='x', share=0.5, flag=False) -> None: ...  # type: ignore[no-untyped-def]


class Child(Part):
    def __init__(self, extra: int = 1, **kwargs: Any) -> None: ...


class Elsewhere:
    passes_settings_to = Part

    def __init__(self, own: int, **kwargs: Any) -> None: ...


@pytest.mark.parametrize(
    ('hint', 'good', 'bad'),
    [
        (int, [1], [True, 1.5, '1', None, []]),
        (float, [1, 0.5], [False, '1', None, {}]),
        (bool, [True], [1, 'no', None]),
        (str, ['a'], [1, None, ['a']]),
        (int | None, [1, None], ['a', 0.5]),
        (list[int], [[], [1], (1, 2)], ['12', [0.5], 1, None]),
        (tuple[float, float], [(0.1, 1), [1, 2]], [(1,), (1, 2, 3), 'ab', 1]),
        (dict, [{}], [[], 'a', 1]),
        (Path, ['a', {'type': 'b'}], [1, None]),
    ],
)
def test_a_type_accepts_its_values_alone(hint: Any, good: list, bad: list) -> None:
    assert [value for value in good if not accepts(hint, value)] == []
    assert [value for value in bad if accepts(hint, value)] == []


@pytest.mark.parametrize(
    ('key', 'value', 'wanted'),
    [
        ('size', '3', 'int'),
        ('name', 3, 'str'),
        ('share', 'much', 'a number'),
        ('flag', 'no', 'bool'),
        ('unknown', 1, None),
        ('size', 3, None),
        ('name', 'y', None),
        ('share', 1, None),
        ('flag', True, None),
    ],
)
def test_a_setting_of_another_type_is_told(
    key: str, value: bool | int | str, wanted: str | None
) -> None:
    assert wanted_type(Part, key, value) == wanted


def test_an_annotation_that_cannot_be_imported_is_no_error() -> None:
    class Other:
        def __init__(self, size: int, data: 'Missing') -> None: ...  # type: ignore[name-defined] # noqa: F821

    assert wanted_type(Other, 'size', '3') == 'int'
    assert wanted_type(Other, 'data', '3') is None


def test_settings_of_a_base_class_count() -> None:
    found = signature_of(Child)
    assert set(found.parameters) == {'extra', 'size', 'name', 'share', 'flag'}
    assert found.required == []
    assert not found.takes_any
    assert wanted_type(Child, 'size', 'a') == 'int'


def test_settings_of_a_class_that_they_are_passed_to_count() -> None:
    found = signature_of(Elsewhere)
    assert set(found.parameters) == {'own', 'size', 'name', 'share', 'flag'}
    assert found.required == ['own']
    assert not found.takes_any
