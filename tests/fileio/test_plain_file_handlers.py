"""YAML, pickle and NumPy files build plain values only."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.fileio import load

import cld_mm.registry  # noqa: F401
from tests.helpers.malicious import Malicious
from tools.stress import (
    comparing,  # noqa: F401
    small_runs,  # noqa: F401
)


@pytest.mark.parametrize('suffix', ['pkl', 'pickle', 'yaml', 'yml', 'npy', 'npz'])
def test_no_data_file_runs(suffix: str, tmp_path: Path) -> None:
    mark, path = tmp_path / 'mark', tmp_path / f'a.{suffix}'
    if suffix in ('pkl', 'pickle'):
        path.write_bytes(pickle.dumps({'data_list': [Malicious(mark)]}))
    elif suffix in ('yaml', 'yml'):
        path.write_text(f'a: !!python/object/apply:os.system ["touch {mark}"]')
    else:
        array = np.array([Malicious(mark)], dtype=object)
        with path.open('wb') as file:
            (np.save if suffix == 'npy' else np.savez)(file, array)
    with pytest.raises(Exception, match=r'asks for|could not determine|allow_pickle'):
        np.load(path)['arr_0'] if suffix in ('npy', 'npz') else load(path)
    assert not mark.exists()


def test_plain_data_files_are_read(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = {'a': [1, 2.5, 'x', None, (1, 2)], 'b': array, 'c': np.float64(3)}
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(value))
    found = load(tmp_path / 'a.pkl')
    assert found['a'] == value['a']
    assert np.array_equal(found['b'], array)
    (tmp_path / 'a.yaml').write_text('a: !!python/tuple [1, 2]\nb: {c: 1.5}')
    assert load(tmp_path / 'a.yaml') == {'a': [1, 2], 'b': {'c': 1.5}}
