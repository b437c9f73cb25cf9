"""Tools that evaluate a checkpoint: on two ranks as on one, and on bad input."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from cld_mm.registry import MODELS
from tests.helpers import ROOT
from tests.helpers.ranks import run_ranks
from tests.helpers.run_tools import call_tool

CONFIG = ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py'
SWEEP = ROOT / 'configs/benchmarks/linear/linear_sweep_r18_fashionmnist.py'
# Sizes that two ranks do not divide, and fewer training images than k.
SIZES = {
    'train_dataloader.dataset.indices': 24,
    'test_dataloader.dataset.indices': 21,
    'test_cfg.train_dataloader.dataset.indices': 31,
    'test_dataloader.batch_size': 8,
    'test_cfg.k': 5,
    'model.queue_len': 64,
}
LOADERS = ('train_dataloader', 'test_dataloader', 'test_cfg.train_dataloader')
TOOLS = {
    'tools/test.py': [],
    'tools/knn.py': ['--k', 3, 40, '--temperature', 0.07, 0.1],
    'tools/evaluate.py': ['--groups', 4, '--views', 9],
    'tools/linear.py': ['--epochs', 2, '--shots', 1, '--draws', 2],
    'tools/analysis_tools/confusion_matrix.py': [],
}
ON_RANKS = [tool for tool in TOOLS if 'confusion' not in tool]  # as knn.py


def options(digits: Path, **changes: Any) -> list:
    settings = SIZES | {f'{name}.dataset.data_root': digits for name in LOADERS}
    settings |= {key.replace('__', '.'): value for key, value in changes.items()}
    return ['--cfg-options', *(f'{key}={value}' for key, value in settings.items())]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned nothing."""
    cfg = Config.fromfile(CONFIG)
    DefaultScope.get_instance('test-evaluating', scope_name='cld_mm')
    torch.manual_seed(0)
    model = MODELS.build({**cfg.model, 'queue_len': 64})
    path = tmp_path_factory.mktemp('evaluating') / 'epoch_7.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return path


def call(
    tool: str,
    checkpoint: Path,
    digits: Path,
    folder: Path,
    *words: Any,
    config: Any = CONFIG,
    **changes: Any,
) -> Any:
    flags = [*TOOLS[tool], '--work-dir', folder, *words]
    return call_tool(tool, config, checkpoint, *flags, *options(digits, **changes))


def sweep(
    checkpoint: Path, digits: Path, folder: Path, batch_size: Any, *words: Any
) -> Any:
    """A short run of the linear protocol; its log and its classifiers."""
    settings = {
        'train_dataloader.batch_size': batch_size,
        'train_dataloader.dataset.dataset.indices': 40,
        'val_dataloader.dataset.dataset.indices': 40,
        'test_dataloader.dataset.indices': 21,
        'train_dataloader.dataset.dataset.data_root': digits,
        'val_dataloader.dataset.dataset.data_root': digits,
        'test_dataloader.dataset.data_root': digits,
        'train_cfg.max_epochs': 1,
        'train_cfg.val_interval': 1,
    }
    flags = ['--pretrained', checkpoint, '--work-dir', folder, *words, '--cfg-options']
    flags += [f'{key}={value}' for key, value in settings.items()]
    return call_tool('tools/train.py', SWEEP, *flags)


def _everything(rank: int, checkpoint: Path, digits: Path, folder: Path) -> None:
    from cld_mm.distributed import process_group

    process_group.leave_distributed = lambda code=0: (
        None
    )  # the next tool still needs it
    os.environ['LOCAL_RANK'] = str(rank)
    for tool in ON_RANKS:
        found = call(tool, checkpoint, digits, folder, '--launcher', 'pytorch')
        assert found.code == 0, found.stderr
        assert ('results ' in found.stdout) == (rank == 0)
    found = sweep(checkpoint, digits, folder, 6, '--launcher', 'pytorch')
    assert found.code == 0, found.stderr


def numbers(value: Any, before: str = '') -> dict:
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {
            k: v
            for key, item in pairs
            for k, v in numbers(item, f'{before}.{key}').items()
        }
    return {before: value}


@pytest.mark.slow
def test_two_ranks_find_what_one_finds(
    checkpoint: Path, digits: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / 'one', tmp_path / 'two'
    run_ranks(_everything, args=(checkpoint, digits, two))
    for tool in ON_RANKS:
        found = call(tool, checkpoint, digits, one)
        assert found.code == 0, found.stderr
        name = f'{Path(tool).stem}_epoch_7.json'
        assert str(one / name) in found.stdout
        own, other = (numbers(json.loads((f / name).read_text())) for f in (one, two))
        assert own.keys() == other.keys()
        for key, value in own.items():
            if not isinstance(value, (int, float)):
                assert other[key] == value
                continue
            assert other[key] == pytest.approx(value, rel=1e-4, abs=1e-6), (name, key)
    figures = json.loads((one / 'evaluate_epoch_7.json').read_text())['instance']
    assert 0 < figures['alignment'] < 4
    # Both linear protocols: that of cached features above, that of training here.
    found = sweep(checkpoint, digits, one, 12)
    assert found.code == 0, found.stderr
    own, other = (
        torch.load(f / 'chosen.pth', weights_only=True)['state_dict']
        for f in (one, two)
    )
    heads = [key for key in own if key.startswith('head.')]
    assert 'head.chosen' in heads
    for key in heads:
        torch.testing.assert_close(own[key], other[key], rtol=1e-3, atol=1e-4)
    logs = [
        [
            json.loads(line)
            for path in f.glob('*/vis_data/scalars.json')
            for line in path.open()
        ]
        for f in (one, two)
    ]
    held_out = [
        [v for record in log for k, v in record.items() if k.startswith('sweep/')]
        for log in logs
    ]
    assert held_out[0]
    assert held_out[0] == held_out[1]


def test_test_images_choose_no_learning_rate(
    checkpoint: Path, digits: Path, tmp_path: Path
) -> None:
    """Other test images change the test figures alone."""
    found = []
    for split, number in (('test', 21), ('train', 17)):
        folder = tmp_path / split
        changes = {
            'test_dataloader__dataset__split': split,
            'test_dataloader__dataset__indices': number,
        }
        done = call('tools/linear.py', checkpoint, digits, folder, **changes)
        assert done.code == 0, done.stderr
        found.append(json.loads((folder / 'linear_epoch_7.json').read_text()))
    assert found[0]['held_out'] == found[1]['held_out']
    assert found[0]['lr'] == found[1]['lr']
    assert found[0]['top1'] != found[1]['top1']
    sweep = Config.fromfile(SWEEP)  # validation, which chooses, is training images
    chooses, fits = sweep.val_dataloader.dataset, sweep.train_dataloader.dataset
    assert chooses.part == 'held_out'
    assert fits.part == 'fit'
    assert chooses.dataset == fits.dataset
    assert fits.dataset.split == 'train'
    assert sweep.test_dataloader.dataset.split == 'test'


@pytest.mark.parametrize('tool', TOOLS)
def test_bad_input_is_one_sentence(
    tool: str, checkpoint: Path, digits: Path, tmp_path: Path
) -> None:
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    files = {name: tmp_path / f'{name}.pth' for name in ('nan', 'foreign', 'text')}
    broken = {
        k: v * float('nan') if v.is_floating_point() else v for k, v in state.items()
    }
    torch.save({'state_dict': broken}, files['nan'])
    torch.save({'state_dict': {'layer.weight': torch.ones(2)}}, files['foreign'])
    files['text'].write_text('no checkpoint')
    nowhere = tmp_path / 'nowhere'
    cases = [
        (tmp_path / 'none.pth', {}, 'none.pth does not exist'),
        (files['nan'], {}, 'NaN'),
        (checkpoint, {'test_dataloader__dataset__data_root': nowhere}, 'nowhere'),
        (
            checkpoint,
            {'test_cfg__train_dataloader__dataset__data_root': nowhere},
            'nowhere',
        ),
        (checkpoint, {'config': tmp_path / 'none.py'}, 'none.py does not exist'),
    ]
    if tool in ('tools/test.py', 'tools/knn.py'):  # the two ways to load
        cases += [
            (files['foreign'], {}, 'no weight of ResNet_CIFAR'),
            (files['text'], {}, 'text.pth cannot be read as a checkpoint'),
        ]
    for given, changes, said in cases:
        found = call(tool, given, digits, tmp_path / 'work', **changes)
        refused(found, said)


def refused(found: Any, said: str) -> None:
    last = found.stderr.strip().splitlines()[-1]
    assert found.code == 2, (said, found.stderr[-2000:])
    assert last.startswith('error: '), last
    assert said in last
    assert 'Traceback' not in found.stderr


@pytest.mark.parametrize(
    ('tool', 'words', 'said'),
    [
        ('tools/knn.py', ['--k', 0], 'must be > 0, got 0 and'),
        ('tools/knn.py', ['--temperature', 0], 'must be > 0, got'),
        ('tools/evaluate.py', ['--groups', 0], '--groups must be at least 1'),
        ('tools/linear.py', ['--shots', 99], '99 shots are asked for'),
        ('tools/linear.py', ['--shots', 1, '--draws', 0], 'draws 0'),
        ('tools/linear.py', ['--lr', 0], 'smallest learning rate 0'),
        ('tools/analysis_tools/confusion_matrix.py', ['--feature', 'x'], '--feature x'),
        ('tools/analysis_tools/confusion_matrix.py', ['--out', 'a.gif'], 'a.gif'),
    ],
)
def test_bad_settings_are_one_sentence(
    tool: str, words: list, said: str, checkpoint: Path, digits: Path, tmp_path: Path
) -> None:
    refused(call(tool, checkpoint, digits, tmp_path, *words), said)


def test_one_class_and_few_images(
    checkpoint: Path, digits: Path, tmp_path: Path
) -> None:
    one = {'test_cfg__train_dataloader__dataset__indices': 1}
    found = call('tools/linear.py', checkpoint, digits, tmp_path, **one)
    refused(found, 'a classifier needs two classes at least')
    found = call('tools/knn.py', checkpoint, digits, tmp_path, **one)
    assert found.code == 0
    assert 'only 1 training images: all vote' in found.stderr


def test_labels_of_another_split_are_refused(
    checkpoint: Path, digits: Path, tmp_path: Path
) -> None:
    for path in digits.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    labels = tmp_path / 'train-labels-idx1-ubyte'
    root = {'test_cfg__train_dataloader__dataset__data_root': tmp_path}
    for content, said in (
        ((digits / 't10k-labels-idx1-ubyte').read_bytes(), 'has 500 labels, but'),
        (labels.read_bytes()[:-9], 'bytes, but its header says'),
    ):
        labels.write_bytes(content)
        found = call('tools/knn.py', checkpoint, digits, tmp_path / 'work', **root)
        refused(found, said)
        assert str(labels) in found.stderr


def test_tools_that_read_files(checkpoint: Path, tmp_path: Path) -> None:
    bad = tmp_path / 'bad.json'
    bad.write_text('[1')
    for tool, words, said in (
        ('analyze_logs', [tmp_path / 'none'], 'none'),
        ('analyze_logs', [tmp_path], str(tmp_path)),
        ('get_flops', [tmp_path / 'none.py'], 'none.py'),
        ('get_flops', [CONFIG, '--size', 0], '--size must be at least 1'),
        ('compare_checkpoints', [checkpoint, tmp_path / 'none.pth'], 'does not exist'),
        ('compare_checkpoints', [checkpoint, bad], 'bad.json holds other objects'),
    ):
        refused(call_tool(f'tools/analysis_tools/{tool}.py', *words), said)
    log = tmp_path / 'scalars.json'
    log.write_text('{"loss": 2.0, "step": 1}\n{"loss": NaN, "step": 2}\n')
    found = call_tool('tools/analysis_tools/analyze_logs.py', log)
    assert found.code == 0, found.stderr
    losses = json.loads((tmp_path / 'analyze_logs.json').read_text())[str(log)]['loss']
    assert losses == {
        **dict.fromkeys(('first', 'last', 'smallest', 'largest', 'median'), 2.0),
        'values': 2,
        'not_finite': 1,
    }
    log.write_text('{"loss": NaN, "step": 2}\n')
    assert call_tool('tools/analysis_tools/analyze_logs.py', log).code == 0
    tool = 'tools/analysis_tools/compare_checkpoints.py'
    out = checkpoint.parent / 'compare_epoch_7_epoch_7.json'
    assert call_tool(tool, checkpoint, checkpoint).code == 0
    assert json.loads(out.read_text())['differ'] == {}
