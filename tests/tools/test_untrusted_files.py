"""A malicious file at every command line that reads one: nothing runs, one sentence."""

import importlib.util
import json
import os
import pickle
import signal
import struct
import sys
import zipfile
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.fileio import load

import cld_mm.registry  # noqa: F401
from cld_mm.fileio.checkpoint_loading import load_from_https, load_safely, refuse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/stress'))
import comparing  # noqa: E402, F401
import small_configs  # noqa: E402
import small_runs  # noqa: E402, F401


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f'touch {self.mark}',)


def write(path: Path, kind: str, mark: Path) -> Path:
    """A file that would make ``mark`` where a pickle is trusted."""
    bad = {'state_dict': {'backbone.a': torch.zeros(1)}, 'meta': Malicious(mark)}
    bad |= {'optimizer': {}, 'version': 1}
    if kind == 'pickle':
        path.write_bytes(pickle.dumps(bad))
    elif kind == 'data.pkl':  # a sound archive with another pickle in it
        torch.save({'state_dict': {}}, path)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, 'w') as archive:
            for name, data in parts.items():
                evil = name.endswith('/data.pkl')
                archive.writestr(name, pickle.dumps(bad, 2) if evil else data)
    else:
        torch.save(bad, path, _use_new_zipfile_serialization=kind == 'zip')
    return path


KINDS = ('zip', 'legacy', 'pickle', 'data.pkl')
NEXT_KIND = cycle(KINDS)
COMMANDS = {
    'export': 'model_converters/export_backbone.py {bad} {out}',
    'compare': 'analysis_tools/compare_checkpoints.py {bad} {bad}',
    'merge_bank': 'model_converters/merge_bank.py {bad} {out}',
    'convert': 'model_converters/cld_to_cldmm.py {bad} {out}',
    'revert': 'model_converters/cld_to_cldmm.py {bad} {out} --reverse',
    'replay': 'analysis_tools/replay_step.py {dump}',
    'resume': 'train.py {config} --resume {bad}',
    'resume auto': 'train.py {config} --resume',
    'load_from': 'train.py {config} --cfg-options load_from={bad}',
    'pretrained': 'train.py {probe} --pretrained {bad}',
    'test': 'test.py {config} {bad}',
    'knn': 'knn.py {config} {bad}',
    'linear': 'linear.py {config} {bad}',
    'evaluate': 'evaluate.py {config} {bad}',
    'embedding': 'visualization/embedding.py {config} {bad} --out {out}.png',
    'report': 'report.py {work}',
}
CHEAP = ('export', 'compare', 'merge_bank', 'convert', 'revert', 'replay')
CASES = [(name, kind) for name in CHEAP for kind in KINDS]
CASES += [(name, next(NEXT_KIND)) for name in COMMANDS if name not in CHEAP]


@pytest.fixture(scope='module')
def configs(digits, tmp_path_factory):
    """A pre-training and a probe's config."""
    folder = tmp_path_factory.mktemp('configs')
    for name in ('npid', 'linear'):
        cfg = small_configs.config(
            name, folder / 'unused', digits, epochs=1, train_dataloader__batch_size=6
        )
        cfg.dump(folder / f'{name}.py')
    return folder


def run(script: str, words: list[str], monkeypatch) -> int:
    """main() of a tool, in this process; its exit code."""
    spec = importlib.util.spec_from_file_location('tool', ROOT / 'tools' / script)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, 'argv', [script, *words])
    monkeypatch.setattr(sys, 'path', list(sys.path))
    spec.loader.exec_module(module)
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        module.main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


@pytest.mark.parametrize(('name', 'kind'), CASES)
def test_no_command_runs_a_checkpoint(
    name, kind, configs, tmp_path, monkeypatch, capfd
):
    mark, work = tmp_path / 'mark', tmp_path / 'work'
    work.mkdir()
    bad = write(work / 'iter_7.pth', kind, mark)
    dump = write(tmp_path / 'rank_0.pth', kind, mark)
    if name == 'report':
        scalars = work / '20260101_000000/vis_data/scalars.json'
        scalars.parent.mkdir(parents=True)
        scalars.write_text(json.dumps({'loss': 1.0, 'iter': 1, 'step': 1}) + '\n')
        (scalars.parent / 'config.py').write_text((configs / 'npid.py').read_text())
    places = {'bad': bad, 'dump': dump, 'out': tmp_path / 'out', 'work': work}
    for place, recipe in (('config', 'npid'), ('probe', 'linear')):
        text = (configs / f'{recipe}.py').read_text()
        places[place] = tmp_path / f'{place}.py'
        places[place].write_text(f'{text}\nexperiment_name = {mark.as_posix()!r}\n')
    script, *words = COMMANDS[name].format(**places).split()
    if script in ('train.py', 'test.py', 'knn.py', 'linear.py', 'evaluate.py'):
        words += ['--work-dir', str(work)]
    code = run(script, words, monkeypatch)
    said = capfd.readouterr().err
    assert not mark.exists()
    assert 'Traceback' not in said
    assert 'weights_only' not in said
    if name == 'report':  # a page without that checkpoint
        assert code == 0, said
        assert 'iter_7.pth is left out' in said
        return
    assert code in (1, 2), said
    errors = [line for line in said.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1, said
    assert 'iter_7' in errors[0] or 'rank_0' in errors[0] or str(work) in errors[0]


def test_the_files_would_work(tmp_path):
    for kind in KINDS:
        mark = tmp_path / kind
        path = write(tmp_path / 'bad.pth', kind, mark)
        if kind == 'pickle':
            pickle.loads(path.read_bytes())
        else:
            torch.load(path, weights_only=False)
        assert mark.exists(), kind


def test_a_damaged_checkpoint_is_one_sentence(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save([1], path)
    with pytest.raises(ValueError, match='holds a list, not the dict'):
        load_safely(path)
    torch.save({'state_dict': {'a': torch.zeros(99)}}, path)
    whole = path.read_bytes()
    for data in (
        b'',
        b'x',
        b'\x80',
        whole[:50],
        whole[:-50],
        b'PK\x03\x04' + whole[9:],
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r'a.pth cannot be read as|holds other'):
            load_safely(path)


@pytest.mark.parametrize('suffix', ['pkl', 'pickle', 'yaml', 'yml', 'npy', 'npz'])
def test_no_data_file_runs(suffix, tmp_path):
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


def test_plain_data_files_are_read(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = {'a': [1, 2.5, 'x', None, (1, 2)], 'b': array, 'c': np.float64(3)}
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(value))
    found = load(tmp_path / 'a.pkl')
    assert found['a'] == value['a']
    assert np.array_equal(found['b'], array)
    (tmp_path / 'a.yaml').write_text('a: !!python/tuple [1, 2]\nb: {c: 1.5}')
    assert load(tmp_path / 'a.yaml') == {'a': [1, 2], 'b': {'c': 1.5}}


def test_a_checkpoint_from_an_address_has_a_digest(tmp_path):
    import hashlib

    def fetched(name: str, where: str):
        return load_from_https(where + name, 'cpu', model_dir=str(tmp_path))

    torch.save({'state_dict': {}}, tmp_path / 'a.pth')
    content = (tmp_path / 'a.pth').read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    https = 'https://example.invalid/'
    with pytest.raises(ValueError, match='says no digest'):
        fetched('a.pth', https)
    assert fetched(f'a.pth#sha256={digest}', https) == {'state_dict': {}}
    named = tmp_path / f'a-{digest[:8]}.pth'
    named.write_bytes(content)
    assert fetched(named.name, https) == {'state_dict': {}}
    named.write_bytes(content + struct.pack('<I', 0))
    with pytest.raises(ValueError, match=r'SHA-256 .*, not .* delete it'):
        fetched(named.name, https)
    with pytest.raises(OSError, match='not https'):
        fetched('b-0123456789abcdef.pth', 'http://example.invalid/')
    with pytest.raises(ValueError, match='by hand'):
        refuse('pavi://x')
