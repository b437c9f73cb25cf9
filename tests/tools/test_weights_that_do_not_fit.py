"""Weights that do not fit end a tool, and no figure is made of random parts."""

from pathlib import Path

import pytest
import torch
import torchvision

from tests.helpers.recipes import read_recipe
from tests.helpers.run_tools import Finished, call_tool
from tests.helpers.training import CONFIG, options


@pytest.fixture(scope='module')
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The backbone of the recipe alone, as another project saves it."""
    from cld_mm.registry import MODELS

    torch.manual_seed(0)
    model = MODELS.build(read_recipe().model.backbone)
    path = tmp_path_factory.mktemp('weights') / 'backbone.pth'
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(scope='module')
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-18 of torchvision: more channels than the recipe's."""
    path = tmp_path_factory.mktemp('weights') / 'resnet18.pth'
    torch.save(torchvision.models.resnet18().state_dict(), path)
    return path


def train(digits: Path, work_dir: Path, *words: object, **changes: object) -> Finished:
    settings = options(digits, train_cfg__max_epochs=1, **changes)
    return call_tool(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        '--no-validate',
        *words,
        *settings,
    )


def test_training_does_not_start_from_weights_that_do_not_fit(
    digits: Path, tmp_path: Path, other: Path
) -> None:
    done = train(digits, tmp_path, load_from=other)
    assert done.code == 2
    last = done.stderr.strip().splitlines()[-1]
    assert 'resnet18.pth' in last
    assert 'shape' in last
    assert not list(tmp_path.glob('*.pth'))


def test_a_pretrained_backbone_that_does_not_fit_is_refused(
    digits: Path, tmp_path: Path, other: Path
) -> None:
    done = train(digits, tmp_path, '--pretrained', other)
    assert done.code == 2
    assert 'resnet18.pth' in done.stderr.strip().splitlines()[-1]


def test_training_starts_from_a_backbone_and_logs_what_stays_random(
    digits: Path, tmp_path: Path, backbone: Path
) -> None:
    done = train(digits, tmp_path, load_from=backbone)
    assert done.code == 0, done.stderr
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'loaded from' in log
    assert 'randomly initialized: neck.' in log


def test_no_figure_is_printed_of_a_random_neck(
    digits: Path, tmp_path: Path, backbone: Path
) -> None:
    words = ('--work-dir', tmp_path, *options(digits))
    done = call_tool('tools/test.py', CONFIG, backbone, *words)
    assert done.code == 0, done.stderr
    assert 'knn_backbone' in done.stdout
    assert 'knn_instance' not in done.stdout


def test_a_probe_without_its_classifier_is_refused(
    digits: Path, tmp_path: Path, backbone: Path
) -> None:
    config = 'configs/benchmarks/linear/linear_r18_fashionmnist.py'
    root = f'test_dataloader.dataset.data_root={digits}'
    done = call_tool(
        'tools/test.py', config, backbone, '--work-dir', tmp_path, '--cfg-options', root
    )
    assert done.code == 2
    assert "weights of the classifier ('head')" in done.stderr
