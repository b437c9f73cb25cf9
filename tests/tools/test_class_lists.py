"""Every tool compares classes by name: splits whose class folders differ."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers import ROOT
from tests.helpers.run_tools import call_tool

MOCO = ROOT / 'tests/helpers/configs/folders_moco.py'
CLASSIFIER = ROOT / 'tests/helpers/configs/folders_classifier.py'
# One color per class, so that any network tells the classes apart.
COLORS = {'ape': (255, 0, 0), 'bee': (0, 255, 0), 'cat': (0, 0, 255)}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
KNN_LOADERS = ('val_cfg.train_dataloader', 'test_cfg.train_dataloader')
EXCLUDE = 'unknown_classes=exclude'


@pytest.fixture
def data(tmp_path: Path) -> Any:
    """A function that writes class folders."""

    def write(train: list[str], test: list[str]) -> Path:
        root = tmp_path / 'data'
        shutil.rmtree(root, ignore_errors=True)
        for split, classes, images in (('train', train, 2), ('test', test, 4)):
            for name in classes:
                folder = root / split / name
                folder.mkdir(parents=True)
                for number in range(images):
                    Image.new('RGB', (16, 16), COLORS[name]).save(
                        folder / f'{number}.png'
                    )
        return root

    return write


def options(root: Any, config: Any, *others: Any) -> list:
    names = LOADERS + (KNN_LOADERS if config is MOCO else ())
    roots = [f'{name}.dataset.data_root={root}' for name in names]
    return ['--cfg-options', *roots, *others]


def run(tool: str, config: Any, *words: Any, root: Any, others: tuple = ()) -> Any:
    found = call_tool(
        tool,
        config,
        *words,
        '--work-dir',
        root.parent / 'run',
        *options(root, config, *others),
    )
    assert found.code == 0, found.stderr
    return found


@pytest.fixture(scope='module')
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the tiny MoCo, which tells colors apart untrained."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    from cld_mm.registry import MODELS

    with DefaultScope.overwrite_default_scope('cld_mm'):
        torch.manual_seed(0)
        model = MODELS.build(Config.fromfile(MOCO).model)
    path = tmp_path_factory.mktemp('moco') / 'epoch_1.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return path


def accuracy(tool: str, checkpoint: Path, root: Any, *others: Any) -> Any:
    """Top-1 of a tool, from the JSON file that it writes."""
    words = {
        'tools/knn.py': ['--k', 1, '--temperature', 1],
        'tools/linear.py': ['--epochs', 60],
    }.get(tool, [])
    out = root.parent / 'out.json'
    words += ['--out', out]
    run(tool, MOCO, checkpoint, *words, root=root, others=others)
    found = json.loads(out.read_text())
    if tool == 'tools/knn.py':
        return found[0]['top1']
    if tool == 'tools/linear.py':
        return found['top1']
    if tool == 'tools/evaluate.py':
        return found['backbone']['knn_top1_all']
    return found['knn_backbone/top1']


TOOLS = ['tools/knn.py', 'tools/linear.py', 'tools/test.py', 'tools/evaluate.py']


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['ImageFolder', 'CustomDataset'])
@pytest.mark.parametrize('tool', TOOLS)
def test_a_test_split_with_fewer_classes(
    tool: str, kind: str, untrained: Any, data: Any
) -> None:
    root = data(['ape', 'bee', 'cat'], ['bee', 'cat'])
    kinds = [f'{n}.dataset.type={kind}' for n in (*LOADERS, *KNN_LOADERS)]
    assert accuracy(tool, untrained, root, *kinds) == 100  # 0 by number


@pytest.mark.slow
@pytest.mark.parametrize('tool', TOOLS)
def test_a_test_split_with_an_unknown_class(
    tool: str, untrained: Any, data: Any
) -> None:
    root = data(['bee', 'cat'], ['ape', 'bee', 'cat'])
    assert accuracy(tool, untrained, root) == pytest.approx(200 / 3)
    assert accuracy(tool, untrained, root, EXCLUDE) == 100


@pytest.mark.slow
@pytest.mark.parametrize('folder', ['__MACOSX', '@eaDir', '.ipynb_checkpoints', 'abc'])
def test_folders_without_images_change_nothing(
    folder: str, untrained: Any, data: Any
) -> None:
    root = data(['ape', 'bee', 'cat'], ['ape', 'bee', 'cat'])
    (root / 'train' / folder).mkdir()
    assert accuracy('tools/knn.py', untrained, root) == 100


@pytest.mark.slow
def test_training_compares_by_name_while_it_runs(data: Any) -> None:
    root = data(['ape', 'bee', 'cat'], ['bee', 'cat'])
    run('tools/train.py', MOCO, root=root, others=['train_cfg.val_interval=1'])
    (log,) = (root.parent / 'run').glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert rows[-1]['knn_backbone/top1'] == 100


@pytest.mark.slow
def test_a_classifier_and_its_checkpoint_count_along_the_training_classes(
    data: Any,
) -> None:
    root = data(['ape', 'bee', 'cat'], ['bee', 'cat'])
    run('tools/train.py', CLASSIFIER, root=root)
    (log,) = (root.parent / 'run').glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert rows[-1]['accuracy/top1'] == 100
    checkpoint = root.parent / 'run/epoch_20.pth'
    out = root.parent / 'out.json'

    def tested(*others: Any) -> Any:
        run(
            'tools/test.py',
            CLASSIFIER,
            checkpoint,
            '--out',
            out,
            root=root,
            others=others,
        )
        return json.loads(out.read_text())['accuracy/top1']

    assert tested() == 100
    # The names come from the checkpoint, also where the training images are gone.
    shutil.rmtree(root / 'train')
    assert tested() == 100
    # Another training folder does not change what the outputs mean.
    shutil.copytree(root / 'test', root / 'train')
    assert tested() == 100
    resumed = call_tool(
        'tools/train.py', CLASSIFIER, '--work-dir', root.parent / 'run', '--resume',
        *options(root, CLASSIFIER, 'train_cfg.max_epochs=21'),
    )  # fmt: skip
    assert resumed.code != 0
    assert 'is a classifier of 3 classes' in resumed.stderr
