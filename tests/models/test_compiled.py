"""Loops that numba compiles and keeps, wherever it may keep them."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import caching

from cld_mm.models.grouping.compiled import rows_by_group

SOURCE = """
from cld_mm.models.grouping.compiled import FLOAT, VECTOR, compiled


@compiled(FLOAT(VECTOR))
def total(values):
    found = 0.0
    for value in values:
        found += value
    return found
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Imports a module with a compiled function, as a new process would."""
    monkeypatch.delenv('NUMBA_CACHE_DIR', raising=False)
    path = tmp_path / 'loops.py'
    path.write_text(SOURCE)

    def load():
        spec = importlib.util.spec_from_file_location('loops', path)
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        assert loaded.total(np.arange(5, dtype=np.float32)) == 10
        return loaded.total

    return load


def test_machine_code_is_kept(module, tmp_path):
    assert module().stats.cache_misses
    assert list((tmp_path / '__pycache__').glob('*.nbi'))
    assert module().stats.cache_hits


def test_broken_machine_code_is_compiled_anew(module, tmp_path):
    module()
    for kept in (tmp_path / '__pycache__').glob('*.nb?'):
        kept.write_bytes(b'')
    module()


def test_a_full_disk_keeps_nothing_and_stops_nothing(module, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(caching.IndexDataCacheFile, 'save', full)
    assert not module().stats.cache_path


def test_without_a_folder_to_write_to(module, monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, '_locator_classes', [])
    assert not module().stats.cache_path


@given(labels=st.lists(st.integers(0, 6), max_size=30))
@settings(max_examples=50, deadline=None)
def test_rows_by_group_is_a_stable_sort(labels):
    labels = np.array(labels, np.int64)
    counts, order, starts = rows_by_group(labels, 7)
    assert counts.tolist() == np.bincount(labels, minlength=7).tolist()
    assert order.tolist() == labels.argsort(kind='stable').tolist()
    assert starts.tolist() == (counts.cumsum() - counts).tolist()
