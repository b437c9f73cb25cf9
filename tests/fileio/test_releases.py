"""Released models load by name, from a folder and over the web, checked by digest."""

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from cld_mm.apis import init_model
from cld_mm.fileio.download import SourceError
from cld_mm.fileio.releases import released_checkpoint
from cld_mm.registry import MODELS
from tests.helpers.run_tools import call_tool

NAME = 'tiny'
BACKBONE = {'type': 'ResNet_CIFAR', 'depth': 18, 'base_channels': 4, 'stem_channels': 4}


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A checkpoint as training writes it, and its backbone."""
    backbone = MODELS.build(BACKBONE)
    state = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    state['queue.features'] = torch.zeros(1000, 8)
    meta = {'cfg': f'model = dict(type="MoCo", backbone={BACKBONE!r})'}
    path = tmp_path_factory.mktemp('trained') / 'epoch_1.pth'
    torch.save({'meta': meta, 'state_dict': state, 'optimizer': {}}, path)
    return path, backbone


@pytest.fixture(scope='module')
def folder(trained: tuple, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp('published') / 'releases'
    publish = 'tools/model_converters/publish_model.py'
    call_tool(publish, trained[0], NAME, '--folder', found)
    return found


@pytest.fixture
def address(folder: Path, tmp_path: Path, monkeypatch: Any) -> Iterator[str]:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def test_only_the_backbone_is_published(folder: Path) -> None:
    entry = json.loads((folder / 'index.json').read_text())[NAME]
    assert entry['file'] == f'{NAME}-{entry["sha256"][:8]}.pth'
    checkpoint = torch.load(folder / entry['file'], weights_only=True)
    assert set(checkpoint) == {'meta', 'state_dict'}
    assert all(key.startswith('backbone.') for key in checkpoint['state_dict'])


@pytest.mark.parametrize('source', ['folder', 'address'])
def test_a_name_gives_the_trained_features(
    source: str, trained: tuple, request: pytest.FixtureRequest, monkeypatch: Any
) -> None:
    monkeypatch.setenv('CLD_MM_RELEASES', str(request.getfixturevalue(source)))
    model = init_model(NAME, size=32, device='cpu')
    for key, value in trained[1].state_dict().items():
        torch.testing.assert_close(model.backbone.state_dict()[key], value)


def test_a_damaged_file_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (damaged,) = tmp_path.glob('*.pth')
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(SourceError, match='damaged'):
        released_checkpoint(NAME, str(tmp_path))


def test_a_download_of_other_content_is_refused(address: str, folder: Path) -> None:
    index = json.loads((folder / 'index.json').read_text())
    index['other'] = {**index[NAME], 'sha256': '0' * 64}
    (folder / 'index.json').write_text(json.dumps(index))
    with pytest.raises(SourceError, match='checksum'):
        released_checkpoint('other', address)


def test_the_projects_own_releases_load() -> None:
    model = init_model('npid-cld-r18-cifar10-small', device='cpu')
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 128)
