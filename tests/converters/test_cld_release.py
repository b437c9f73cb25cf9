"""Released layouts, rebuilt in plain torch, give equal features after conversion."""

import argparse
import os
import pickle
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cld_mm.converters.cld_release import convert, revert
from cld_mm.converters.cld_release_files import importable
from cld_mm.fileio.inert_pickle import Inert, load_tensors
from cld_mm.registry import MODELS
from tests.helpers import ROOT

WIDTH, C, LENGTH = 4, 8, 20


class TheirNormLinear(nn.Module):
    def __init__(self, size: Any, out: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, out))

    def forward(self, x: Any) -> Any:
        return F.normalize(x, dim=1).mm(F.normalize(self.weight, dim=0))


def block(inputs: Any, outputs: Any, stride: Any, shortcut: Any) -> Any:
    layer = nn.Module()
    layer.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    layer.bn1 = nn.BatchNorm2d(outputs)
    layer.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
    layer.bn2 = nn.BatchNorm2d(outputs)
    if inputs != outputs or stride > 1:
        down = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )
        layer.add_module(shortcut, down)
    return layer


def resnet(net: Any, shortcut: Any) -> Any:
    """The stem and four stages of a CIFAR ResNet-18, under the release's names."""
    net.conv1 = nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False)
    net.bn1 = nn.BatchNorm2d(WIDTH)
    size = WIDTH
    for stage, stride in zip((1, 2, 3, 4), (1, 2, 2, 2), strict=True):
        out = WIDTH * 2 ** (stage - 1)
        first = block(size, out, stride, shortcut)
        second = block(out, out, 1, shortcut)
        net.add_module(f'layer{stage}', nn.Sequential(first, second))
        size = out
    return net


def pooled(net: Any, x: Any) -> Any:
    x = F.relu(net.bn1(net.conv1(x)))
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        for b in stage:
            y = b.bn2(b.conv2(F.relu(b.bn1(b.conv1(x)))))
            down = getattr(b, 'downsample', getattr(b, 'shortcut', None))
            x = F.relu(y + (x if down is None else down(x)))
    return x.mean((2, 3))


def last(size: Any, norm: Any) -> Any:
    return TheirNormLinear(size, C) if norm else nn.Linear(size, C)


class MoCoNet(nn.Module):
    def __init__(self, norm: Any) -> None:
        super().__init__()
        resnet(self, 'downsample')
        size = 8 * WIDTH
        self.fc = nn.Sequential(nn.Linear(size, size), nn.ReLU())
        self.instDis, self.groupDis = last(size, norm), last(size, norm)

    def forward(self, x: Any) -> tuple:
        h = self.fc(pooled(self, x))
        return F.normalize(self.instDis(h)), F.normalize(self.groupDis(h))


class InfoMinNet(nn.Module):
    def __init__(self, norm: Any) -> None:
        super().__init__()
        size = 8 * WIDTH
        self.encoder = resnet(nn.Module(), 'downsample')
        self.head = nn.Sequential(nn.Linear(size, size), nn.ReLU())
        self.proj1 = nn.Sequential(last(size, norm))
        self.proj2 = nn.Sequential(last(size, norm))
        self.head_jig = nn.Module()
        self.head_jig.fc1 = nn.Sequential(
            nn.Linear(size, size), nn.ReLU(), last(size, norm)
        )
        self.head_jig.fc2 = last(9 * C, norm)

    def forward(self, x: Any) -> tuple:
        h = self.head(pooled(self.encoder, x))
        return F.normalize(self.proj1(h)), F.normalize(self.proj2(h))

    def jigsaw(self, patches: Any) -> Any:
        h = self.head_jig.fc1(pooled(self.encoder, patches))
        return F.normalize(self.head_jig.fc2(h.view(-1, 9 * C)))


class CifarNet(nn.Module):
    def __init__(self, norm: Any) -> None:
        super().__init__()
        resnet(self, 'shortcut')
        self.linear = last(8 * WIDTH, norm)
        self.groupDis = nn.Sequential(last(8 * WIDTH, norm))

    def forward(self, x: Any) -> tuple:
        h = pooled(self, x)
        return F.normalize(self.linear(h)), F.normalize(self.groupDis(h))


def randomized(net: Any) -> Any:
    """Every weight and statistic its own value, so that none can be mixed up."""
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) * 0.5 + 0.1)
                if not name.endswith('running_var'):
                    value.sub_(0.35)
    return net.eval()


def prefixed(state: Any, prefix: Any) -> dict:
    return {prefix + key: value for key, value in state.items()}


def released(kind: str, norm: Any, prefix: str = 'module.') -> tuple:
    """Networks, and the checkpoint the release would have written."""
    maker = {'mocov2': MoCoNet, 'infomin': InfoMinNet}.get(kind, CifarNet)
    torch.manual_seed(0)
    query, key = randomized(maker(norm)), randomized(maker(norm))
    memory = F.normalize(torch.randn(LENGTH, C), dim=1)
    if kind == 'mocov2':
        state = prefixed(query.state_dict(), f'{prefix}encoder_q.')
        state |= prefixed(key.state_dict(), f'{prefix}encoder_k.')
        state[f'{prefix}queue'] = memory.t().contiguous()
        state[f'{prefix}queue_ptr'] = torch.tensor([7])
        optimizer = torch.optim.SGD(query.parameters(), lr=0.1)
        return (
            query,
            key,
            {
                'epoch': 200,
                'arch': 'resnet50',
                'state_dict': state,
                'optimizer': optimizer,
                'args': argparse.Namespace(lr=0.2),
            },
        )
    if kind == 'npid_cifar':
        net = prefixed(query.state_dict(), prefix)
        return query, None, {'net': net, 'lemniscate': None, 'acc': 80.0, 'epoch': 9}
    return (
        query,
        key,
        {
            'opt': argparse.Namespace(lr=0.2),
            'model': prefixed(query.state_dict(), prefix),
            'model_ema': prefixed(key.state_dict(), prefix),
            'contrast': {'memory': memory},
            'epoch': 100,
        },
    )


def ours(kind: str, norm: Any) -> nn.Module:
    names = (
        ('NormMLP', 'MLP')
        if 'cifar' not in kind
        else ('NormLinearNeck', 'LinearProjectionNeck')
    )
    projection = names[0] if norm else names[1]
    config = {
        'type': {'mocov2': 'MoCo', 'infomin': 'InfoMin', 'npid_cifar': 'NPID'}.get(
            kind, 'MoCo'
        ),
        'backbone': {
            'type': 'ResNet_CIFAR',
            'depth': 18,
            'stem_channels': WIDTH,
            'base_channels': WIDTH,
        },
        'neck': {
            'type': 'TwoBranchNeck',
            'in_channels': 8 * WIDTH,
            'out_channels': C,
            'projection': projection,
        },
        'cld': {'grouping': {'num_groups': 3}},
        'feat_dim': C,
    }
    if kind == 'npid_cifar':
        config['num_images'] = LENGTH
    else:
        config |= {
            'head': {'type': 'InfoNCEHead', 'temperature': 0.2},
            'queue_len': LENGTH,
        }
    if kind == 'infomin':
        config['jigsaw'] = {
            'in_channels': 8 * WIDTH,
            'out_channels': C,
            'projection': projection,
        }
    return MODELS.build(config).eval()


KINDS = [
    (kind, norm)
    for kind in ('mocov2', 'infomin', 'moco_cifar', 'npid_cifar')
    for norm in (True, False)
]


def stored_object(name: str) -> Any:
    """A class that exists while the file is written and not when it is read."""
    module = types.ModuleType('lib_of_the_release')
    made = type(name, (nn.Module,), {'__module__': module.__name__})
    setattr(module, name, made)
    sys.modules[module.__name__] = module
    return made()


def save(checkpoint: dict, path: Path, kind: str, legacy: Any) -> Any:
    memory = F.normalize(torch.randn(LENGTH, C), dim=1)
    if kind == 'npid_cifar':
        checkpoint['lemniscate'] = stored_object('LinearAverage')
        checkpoint['lemniscate'].register_buffer('memory', memory)
    torch.save(checkpoint, path, _use_new_zipfile_serialization=not legacy)
    sys.modules.pop('lib_of_the_release', None)
    return memory


@pytest.mark.filterwarnings('ignore:.*source code for container')
@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
@pytest.mark.parametrize(('kind', 'norm'), KINDS)
def test_features_are_equal_both_ways(
    kind: Any, norm: Any, legacy: bool, tmp_path: Path
) -> None:
    query, key, checkpoint = released(kind, norm)
    memory = save(checkpoint, tmp_path / 'theirs.pth', kind, legacy)
    converted = convert(load_tensors(tmp_path / 'theirs.pth'))
    model = ours(kind, norm)
    model.load_state_dict(converted['state_dict'])  # strict: nothing missing
    x = torch.randn(9, 3, 16, 16)
    with torch.no_grad():
        projections = model.project(x)
        for one, two in zip(projections, query(x), strict=True):
            torch.testing.assert_close(one, two, atol=1e-6, rtol=0)
        if key is not None:
            encoder = model.momentum_encoder
            for one, two in zip(
                encoder['neck'](encoder['backbone'](x)), key(x), strict=True
            ):
                torch.testing.assert_close(one, two, atol=1e-6, rtol=0)
        if kind == 'infomin':
            one = model.jigsaw(model.backbone(x))
            torch.testing.assert_close(one, query.jigsaw(x), atol=1e-6, rtol=0)
    if kind == 'mocov2':
        queue = checkpoint['state_dict']['module.queue']
        assert torch.equal(model.queue.features, queue.t())
        assert int(model.queue.pointer) == 7
    elif kind == 'npid_cifar':
        assert torch.equal(model.bank.features, memory)
    else:
        assert torch.equal(model.queue.features, checkpoint['contrast']['memory'])

    back = revert(converted)
    networks = ['state_dict'] if kind == 'mocov2' else ['model', 'model_ema']
    for name in ['net'] if kind == 'npid_cifar' else networks:
        assert back[name].keys() == checkpoint[name].keys()
        for k, value in checkpoint[name].items():
            assert torch.equal(back[name][k], value), k
    # A model trained here goes the same way, without the note of where it came from.
    anew = revert({'state_dict': model.state_dict()})
    again = ours(kind, norm)
    again.load_state_dict(convert(anew)['state_dict'])
    with torch.no_grad():
        for one, two in zip(again.project(x), projections, strict=True):
            torch.testing.assert_close(one, two, atol=1e-6, rtol=0)


class Malicious:
    def __init__(self, target: Any) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.target}',)


@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_nothing_in_a_file_is_executed(legacy: bool, tmp_path: Path) -> None:
    _, _, checkpoint = released('mocov2', True)
    target = tmp_path / 'executed'
    checkpoint['args'] = argparse.Namespace(lr=Malicious(target))
    path = tmp_path / 'evil.pth.tar'
    torch.save(checkpoint, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path)  # torch's own safe loading refuses the whole
    loaded = load_tensors(path)
    assert isinstance(loaded['args'], Inert)
    assert loaded['optimizer'].inert_name == 'torch.optim.sgd.SGD'
    assert 'backbone.conv1.weight' in convert(loaded)['state_dict']
    assert not target.exists()
    for text in (b"cos\nsystem\n(S'touch %b'\ntR.", b"cbuiltins\neval\n(S'1'\ntR."):
        path.write_bytes(text.replace(b'%b', str(target).encode()))
        with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
            load_tensors(path)
    assert not target.exists()


def run_tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: Any
) -> tuple:
    """Exit status and what the tool printed; in this process, to save its imports."""
    tool = ROOT / 'tools/model_converters/cld_to_cldmm.py'
    monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, words)])
    status = 0
    try:
        runpy.run_path(str(tool), run_name='__main__')
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    return status, capsys.readouterr().err


def test_the_tool_lists_unknown_and_missing_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: Any) -> Any:
        return run_tool(monkeypatch, capsys, *words)

    _, _, checkpoint = released('mocov2', True, prefix='')
    source, target = tmp_path / 'a.pth.tar', tmp_path / 'b.pth'
    torch.save(checkpoint, source)
    assert run(source, target)[0] == 0
    assert run(target, tmp_path / 'c.pth', '--reverse')[0] == 0
    back = load_tensors(tmp_path / 'c.pth')['state_dict']
    assert back.keys() == checkpoint['state_dict'].keys()

    state = checkpoint['state_dict']
    state['encoder_q.extra.weight'] = torch.zeros(1)
    del state['encoder_k.layer2.1.conv2.weight']
    del state['encoder_q.layer3.0.bn1.running_var']
    torch.save(checkpoint, source)
    status, said = run(source, target)
    assert status != 0
    assert 'extra.weight' in said
    assert 'Traceback' not in said
    status, said = run(source, target, '--allow-unknown')
    assert status != 0
    for name in (
        'momentum_encoder.backbone.layer2.1.conv2.weight',
        'backbone.layer3.0.bn1.running_var',
    ):
        assert name in said
    assert run(source, target, '--allow-unknown', '--allow-missing')[0] == 0
    assert 'does not exist' in run(tmp_path / 'no.pth', target)[1]
    torch.save({'weights': 1}, source)
    assert 'a released one holds' in run(source, target)[1]


def reverted(kind: str, tmp_path: Path) -> tuple:
    """A model trained here, written in the release's layout by the tool's functions."""
    model = ours(kind, True)
    checkpoint = {'state_dict': model.state_dict(), 'meta': {'epoch': 17}}
    back = revert(checkpoint)
    with importable(back.get('lemniscate')):
        torch.save(back, tmp_path / 'back.pth')
    return model, back


@pytest.mark.parametrize('kind', ['infomin', 'moco_cifar'])
def test_the_averaged_model_gains_no_prefix(kind: str, tmp_path: Path) -> None:
    _, back = reverted(kind, tmp_path)
    assert all(key.startswith('module.') for key in back['model'])
    assert {f'module.{key}' for key in back['model_ema']} == set(back['model'])


@pytest.mark.parametrize('kind', sorted({kind for kind, _ in KINDS}))
def test_the_epoch_is_written(kind: Any, tmp_path: Path) -> None:
    _, back = reverted(kind, tmp_path)
    assert back['epoch'] == 17
    assert revert({'state_dict': ours(kind, True).state_dict()})['epoch'] == 0


def test_the_contrast_of_moco_on_cifar_has_the_buffers_of_the_release(
    tmp_path: Path,
) -> None:
    model, back = reverted('moco_cifar', tmp_path)
    theirs = nn.Module()
    theirs.register_buffer('params', torch.tensor([-1]))
    theirs.register_buffer('memory', torch.zeros(LENGTH, C))
    theirs.load_state_dict(back['contrast'])  # strict
    assert torch.equal(theirs.memory, model.queue.features)
    assert set(reverted('infomin', tmp_path)[1]['contrast']) == {'memory'}


def test_the_lemniscate_is_the_module_of_the_release(tmp_path: Path) -> None:
    model, _ = reverted('npid_cifar', tmp_path)
    assert 'lib.LinearAverage' not in sys.modules
    package: Any = types.ModuleType('lib')
    module: Any = types.ModuleType('lib.LinearAverage')
    module.LinearAverage = type(
        'LinearAverage', (nn.Module,), {'__module__': module.__name__}
    )
    sys.modules |= {'lib': package, module.__name__: module}
    try:
        loaded = torch.load(tmp_path / 'back.pth', weights_only=False)['lemniscate']
    finally:
        del sys.modules['lib'], sys.modules[module.__name__]
    assert type(loaded) is module.LinearAverage
    assert torch.equal(loaded.memory, model.bank.features)
    torch.testing.assert_close(loaded.params, torch.tensor([0.1, 0.5]))
    assert list(loaded.state_dict()) == ['params', 'memory']


def test_what_a_released_file_holds_beside_the_memory_returns(tmp_path: Path) -> None:
    _, _, checkpoint = released('npid_cifar', True)
    checkpoint['lemniscate'] = stored_object('LinearAverage')
    checkpoint['lemniscate'].register_buffer('params', torch.tensor([0.07, 0.4]))
    checkpoint['lemniscate'].register_buffer('memory', torch.randn(LENGTH, C))
    torch.save(checkpoint, tmp_path / 'theirs.pth')
    sys.modules.pop('lib_of_the_release')
    back = revert(convert(load_tensors(tmp_path / 'theirs.pth')))
    assert type(back['lemniscate']).__module__ == 'lib_of_the_release'
    assert torch.equal(back['lemniscate'].params, torch.tensor([0.07, 0.4]))
    assert back['epoch'] == 9
