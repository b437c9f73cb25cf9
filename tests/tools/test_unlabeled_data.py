"""Tools on a pre-training config whose images have no labels and no test data."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from cld_mm.apis.inference import build_model
from tests.helpers import ROOT
from tests.helpers.run_tools import Finished, call_tool
from tests.helpers.unlabeled import CONFIG, write_images

VIEWERS = ('embedding', 'groups', 'neighbors', 'similarity')
EVALUATIONS = (
    'tools/knn.py',
    'tools/linear.py',
    'tools/evaluate.py',
    'tools/analysis_tools/confusion_matrix.py',
)


@pytest.fixture(scope='module')
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config for unlabeled images, one of which is broken, and a checkpoint."""
    root = tmp_path_factory.mktemp('unlabeled')
    write_images(root / 'images', 12)
    (root / 'images/photo5.png').write_bytes(b'no image')
    config = root / 'config.py'
    config.write_text(CONFIG.format(root=str(root / 'images')))
    model = build_model(Config.fromfile(config), None)
    torch.save({'state_dict': model.state_dict()}, root / 'epoch_1.pth')
    return config, root / 'epoch_1.pth'


def call(tool: str, run: tuple[Path, Path], *words: object) -> Finished:
    return call_tool(tool, *run, *words)


@pytest.mark.filterwarnings('ignore:num_groups is')
@pytest.mark.parametrize('tool', VIEWERS)
def test_viewers_show_training_images(
    tool: str, run: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / 'picture.svg'
    found = call(f'tools/visualization/{tool}.py', run, '--images', 10, '--out', out)
    assert found.code == 0, found.stderr
    if tool in ('neighbors', 'similarity'):  # unlabeled images go by their file names
        assert 'photo0.png' in out.read_text()


def test_color_by_class_says_that_there_are_no_labels(
    run: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / 'picture.svg'
    tool = 'tools/visualization/embedding.py'
    found = call(tool, run, '--color', 'class', '--out', out)
    assert found.code == 2
    assert 'no labels' in found.stderr


@pytest.mark.parametrize('tool', EVALUATIONS)
def test_what_needs_labels_says_how_to_give_them(
    tool: str, run: tuple[Path, Path], tmp_path: Path
) -> None:
    found = call(tool, run, '--work-dir', tmp_path)
    assert found.code == 2
    last = found.stderr.strip().splitlines()[-1]
    assert 'no labeled images' in last
    assert '--train-data' in last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings('ignore:k is')
@pytest.mark.parametrize('tool', EVALUATIONS)
def test_the_advice_on_labels_works(
    tool: str, run: tuple[Path, Path], tmp_path: Path
) -> None:
    for name in ('train/cat', 'train/dog', 'test/cat', 'test/dog'):
        write_images(tmp_path / name, 6)
    data = ['--train-data', tmp_path / 'train', '--test-data', tmp_path / 'test']
    options = ['--k', 3] if tool == 'tools/knn.py' else []
    found = call(tool, run, *data, *options)
    assert found.code == 0, found.stderr


def test_results_are_written_beside_the_checkpoint(
    run: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('train/cat', 'train/dog', 'test/cat', 'test/dog'):
        write_images(tmp_path / name, 6)
    monkeypatch.chdir(tmp_path)
    config, checkpoint = run
    data = ['--train-data', tmp_path / 'train', '--test-data', tmp_path / 'test']
    for tool in ('knn', 'linear'):
        (checkpoint.parent / f'{tool}_epoch_1.json').unlink(missing_ok=True)
        words = ['--k', 3] if tool == 'knn' else ['--epochs', 1]
        found = call_tool(
            str(ROOT / f'tools/{tool}.py'), config, checkpoint, *data, *words
        )
        assert found.code == 0, found.stderr
        assert json.loads((checkpoint.parent / f'{tool}_epoch_1.json').read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == ['test', 'train']


def test_labels_that_a_dataset_lacks_are_noticed_before_the_weights_are_read(
    run: tuple[Path, Path], tmp_path: Path
) -> None:
    cfg = Config.fromfile(run[0])
    loader = dict(cfg.train_dataloader)
    loader['dataset'] = {
        **loader['dataset'],
        'pipeline': [{'type': 'LoadImage'}, {'type': 'PackInputs'}],
    }
    loader['sampler'] = {'type': 'SeededSampler', 'shuffle': False}
    cfg.test_dataloader = loader
    cfg.test_evaluator = {'type': 'Accuracy'}
    cfg.test_cfg = {'type': 'KNNLoop', 'stage': 'test', 'train_dataloader': loader}
    cfg.dump(tmp_path / 'config.py')
    (tmp_path / 'damaged.pth').write_bytes(b'never read')
    found = call('tools/knn.py', (tmp_path / 'config.py', tmp_path / 'damaged.pth'))
    assert found.code == 2
    assert 'kNN needs labels' in found.stderr


def test_a_report_shows_groups_without_labels(
    run: tuple[Path, Path], tmp_path: Path
) -> None:
    config, checkpoint = run
    logs = tmp_path / '20260101_000000/vis_data'
    logs.mkdir(parents=True)
    (logs / 'scalars.json').write_text('{"loss": 2.0, "iter": 1}')
    (logs / 'config.py').write_text(config.read_text())
    (tmp_path / 'epoch_1.pth').write_bytes(checkpoint.read_bytes())
    found = call_tool('cld_mm/cli/main.py', 'report', tmp_path, '--images', 10)
    assert found.code == 0, found.stderr
    page = (tmp_path / 'report.html').read_text()
    data = page.split('<script id="data" type="application/json">')[1]
    [shot] = json.loads(data.split('</script>')[0])['snapshots']
    assert shot['labels'] is None
    assert shot['names'][0] == 'photo0.png'
    assert 'photo5.png' not in shot['names']  # broken
    assert shot['epochs']['1']['groups']
