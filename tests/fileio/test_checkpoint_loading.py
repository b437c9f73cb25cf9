"""Loading a checkpoint runs nothing in it, and downloads need a digest."""

import contextlib
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

import cld_mm.registry  # noqa: F401
from cld_mm.converters.export_backbone import export_backbone
from cld_mm.fileio.checkpoint_loading import load_from_https, load_safely, refuse
from cld_mm.fileio.inert_pickle import load_tensors
from tests.helpers.malicious import KINDS, write_malicious
from tools.stress import (
    comparing,  # noqa: F401
    small_runs,  # noqa: F401
)


@pytest.mark.parametrize('kind', KINDS)
def test_a_malicious_checkpoint_executes_nothing(kind: Any, tmp_path: Path) -> None:
    from mmengine.runner.checkpoint import load_checkpoint

    mark = tmp_path / 'mark'
    path = write_malicious(tmp_path / 'bad.pth', kind, mark)
    model = torch.nn.Linear(1, 1)
    for load in (
        lambda: load_checkpoint(model, str(path), map_location='cpu'),
        lambda: export_backbone(path, tmp_path / 'out.pth', 'timm'),
        lambda: torch.load(path, weights_only=True),
    ):
        with pytest.raises((ValueError, pickle.UnpicklingError)):
            load()
        assert not mark.exists()
    with contextlib.suppress(ValueError):
        load_tensors(path)
    assert not mark.exists()


def test_the_files_would_work(tmp_path: Path) -> None:
    for kind in KINDS:
        mark = tmp_path / kind
        path = write_malicious(tmp_path / 'bad.pth', kind, mark)
        if kind == 'pickle':
            pickle.loads(path.read_bytes())
        else:
            torch.load(path, weights_only=False)
        assert mark.exists(), kind


def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path) -> None:
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


def test_a_checkpoint_from_an_address_has_a_digest(tmp_path: Path) -> None:
    import hashlib

    def fetched(name: str, where: str) -> Any:
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
