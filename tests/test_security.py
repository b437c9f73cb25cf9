"""Nothing that comes from outside runs, leaves its folder or goes over http."""

import contextlib
import io
import json
import os
import pickle
import re
import socket
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import torch
from cld_mm.config.untrusted_config import load_safe_config
from mmengine.config import Config

from cld_mm.config.error import ConfigError
from cld_mm.converters.export_backbone import export_backbone
from cld_mm.datasets.preparation.archives import unpack
from cld_mm.fileio.download import SourceError, download, open_url
from cld_mm.fileio.inert_pickle import load_tensors

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py'


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f'touch {self.mark}',)


@pytest.fixture(params=['zip', 'legacy', 'plain pickle'])
def checkpoint(request, tmp_path) -> tuple[Path, Path]:
    path, mark = tmp_path / 'bad.pth', tmp_path / 'mark'
    content = {'state_dict': {'a': torch.zeros(1)}, 'meta': Malicious(mark)}
    if request.param == 'plain pickle':
        path.write_bytes(pickle.dumps(Malicious(mark)))
    else:
        zipped = request.param == 'zip'
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path, mark


def test_the_malicious_pickle_would_work(tmp_path):
    """The other tests' mark does appear where a pickle is trusted."""
    pickle.loads(pickle.dumps(Malicious(tmp_path / 'mark')))
    assert (tmp_path / 'mark').exists()


def test_a_malicious_checkpoint_executes_nothing(checkpoint, tmp_path):
    from mmengine.runner.checkpoint import load_checkpoint

    path, mark = checkpoint
    model = torch.nn.Linear(1, 1)
    for load in (
        lambda: load_checkpoint(model, str(path), map_location='cpu'),
        lambda: export_backbone(path, tmp_path / 'out.pth'),
        lambda: torch.load(path, weights_only=True),
    ):
        with pytest.raises(Exception, match=r'.'):
            load()
        assert not mark.exists()
    with contextlib.suppress(ValueError):
        load_tensors(path)
    assert not mark.exists()


@pytest.mark.parametrize('kind', ['parent', 'absolute', 'link', 'hard link'])
def test_an_archive_cannot_leave_its_folder(kind, tmp_path):
    packed, target = tmp_path / 'a.tar', tmp_path / 'inside'
    target.mkdir()
    names = {'parent': '../out', 'absolute': str(tmp_path / 'out')}
    entry = tarfile.TarInfo(names.get(kind, 'door'))
    with tarfile.open(packed, 'w') as archive:
        if kind in names:
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b'x'))
        else:
            entry.type = tarfile.SYMTYPE if kind == 'link' else tarfile.LNKTYPE
            entry.linkname = '../'
            archive.addfile(entry)
    with contextlib.suppress(SourceError):
        unpack(packed, target)
    assert not (tmp_path / 'out').exists()
    assert not (target / 'door').is_symlink()


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header('Location', 'http://example.invalid/file')
        self.end_headers()

    def log_message(self, *args) -> None: ...


def test_downloads_stay_with_https():
    with pytest.raises(SourceError, match='not https'):
        open_url('http://example.invalid/file', timeout=1)
    with pytest.raises(SourceError, match='not https'):
        open_url('file:///etc/passwd', timeout=1)
    server = HTTPServer(('127.0.0.1', 0), _Redirect)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with pytest.raises(SourceError, match=r'example.invalid/file is not https'):
        open_url(f'http://127.0.0.1:{server.server_port}/', timeout=5)
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    'url',
    [
        'http://127.0.0.1:80@example.invalid/a',
        'http://localhost:a@example.invalid/a',
        'http://localhost.example.invalid:80/a',
        'https:///a',
        'ftp://localhost/a',
    ],
)
def test_an_address_that_looks_like_this_machines(url):
    with pytest.raises(SourceError, match='not https'):
        open_url(url, timeout=1)


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'ended after 3 of 9'),
        (
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc',
            'breaks off',
        ),
        (b'nonsense\r\n\r\n', 'is not HTTP'),
        (b'', 'cannot be had'),
    ],
)
def test_a_download_that_is_cut_off_is_not_there(answer, reason, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f'http://127.0.0.1:{server.getsockname()[1]}/a.tar'
        with pytest.raises(SourceError, match=reason):
            download(url, tmp_path / 'a.tar')
        thread.join()
    assert list(tmp_path.iterdir()) == []


def test_dumps_of_other_recipes_are_safe_configs(tmp_path):
    for recipe in sorted((ROOT / 'configs').rglob('*.py'))[::7]:
        if not {'_base_', 'mmdetection'} & set(recipe.parts):
            Config.fromfile(recipe).dump(tmp_path / 'a.json')
            assert load_safe_config(tmp_path / 'a.json').model.type, recipe


def test_a_dump_of_a_recipe_is_a_safe_config(tmp_path):
    for suffix in ('json', 'yaml'):
        path = tmp_path / f'recipe.{suffix}'
        Config.fromfile(RECIPE).dump(str(path))
        cfg = load_safe_config(path)
        assert cfg.model.type == Config.fromfile(RECIPE).model.type
        assert 'work_dir' not in cfg


@pytest.mark.parametrize('kind', ['omap', 'pairs'])
def test_pairs_of_yaml_hide_no_part(kind, tmp_path):
    path = tmp_path / 'config.yaml'
    path.write_text(
        f'pipeline: !!{kind}\n- ? {{type: RandomFlip}}\n  : {{type: os.system}}\n'
    )
    with pytest.raises(ConfigError, match=r"pipeline.0.1.type: 'os.system' is no reg"):
        load_safe_config(path)


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'text': 1}, 'cannot be read: text is reserved'),
        (
            {'dist_cfg': {'init_method': 'file:///a'}},
            'dist_cfg.init_method: .* written',
        ),
        ({'backend_args': {'backend': 'lmdb', 'db_path': '/a'}}, 'db_path'),
        ({'hook': {'out_dir': ['/']}}, 'hook.out_dir'),
        ({'a': {'type': 'WandbVisBackend'}}, r'a.type: .* no registered part'),
        ({'a': {'type': 'mmengine.MLflowVisBackend'}}, 'a.type: '),
        ({'_base_': 'a.py'}, '_base_'),
        ({'custom_imports': {'imports': ['evil']}}, 'custom_imports'),
        ({'model': {'type': 'os.system'}}, r"model.type: 'os.system' is no"),
        ({'model': {'type': 'mmengine.os.system'}}, 'no registered part'),
        ({'model': {'type': 'cld_mm.subprocess.run'}}, 'no registered part'),
        ({'hooks': [{'type': 'builtins.exec'}]}, r'hooks.0.type'),
        ({'model': {'type': ['MoCo']}}, 'no registered part'),
        ({'runner_type': 'evil.Runner'}, 'runner_type'),
        ({'data': {'ann_file': 'a.pkl'}}, r'data.ann_file'),
        ({'optim_wrapper': {'constructor': 'evil.C'}}, 'constructor'),
        ({'default_scope': 'evil'}, 'default_scope'),
        ({'hook': {'filename_tmpl': '../../{}'}}, r'hook.filename_tmpl: .* written'),
        ({'hook': {'out_dir': '/'}}, 'hook.out_dir'),
        ({'metric': {'collect_dir': '/'}}, 'metric.collect_dir'),
        ({'model': {'type': 'mmpretrain.RAMNormal'}}, 'no registered part'),
        (
            {'a': {'type': 'torchvision/ToTensor', 'dtype': 'x or 1/0'}},
            'a.dtype: .* type',
        ),
    ],
)
def test_a_safe_config_runs_nothing(values, reason, tmp_path):
    path = tmp_path / 'config.json'
    path.write_text(json.dumps(values))
    before = set(sys.modules)
    with pytest.raises(ConfigError, match=reason):
        load_safe_config(path)
    assert not {name for name in set(sys.modules) - before if 'evil' in name}


def test_a_safe_config_is_a_dump(tmp_path):
    with pytest.raises(ConfigError, match='a Python config is a program'):
        load_safe_config(RECIPE)
    path, mark = tmp_path / 'config.yaml', tmp_path / 'mark'
    path.write_text(f'model: !!python/object/apply:os.system ["touch {mark}"]')
    with pytest.raises(ConfigError, match='cannot be read'):
        load_safe_config(path)
    assert not mark.exists()
    laughs = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n' + ''.join(
        f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]\n' for n in range(1, 9)
    )
    path.write_text(laughs)
    with pytest.raises(ConfigError, match='more than 100000 values'):
        load_safe_config(path)
    path.write_text('a: &a [*a]')
    with pytest.raises(ConfigError, match='50 deep'):
        load_safe_config(path)


def test_what_the_security_rules_would_find_has_its_reason():
    """A ``noqa`` of a rule S... without words beside it hides a finding."""
    found = []
    for folder in ('cld_mm', 'tools', 'configs', '.'):
        pattern = '*.py' if folder == '.' else '**/*.py'
        for path in (ROOT / folder).glob(pattern):
            for line in path.read_text().splitlines():
                match = re.search(r'noqa:[ ,A-Z0-9]*\bS\d+[, A-Z0-9]*(.*)', line)
                if match:
                    found.append((path.name, match[1].strip()))
    assert len(found) > 10
    assert [name for name, reason in found if len(reason) < 6] == []
