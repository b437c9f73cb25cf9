"""The cldmm command, as a new user runs it: from a folder of images to results."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from mmengine.config import Config
from PIL import Image

from cld_mm.apis import Embeddings
from cld_mm.cli.main import COMMANDS, main

TINY = ('--backbone', 'resnet18', '--size', 16, '--workers', 0)


def cldmm(*words: object) -> None:
    main([str(word) for word in words])


def error_of(capsys: pytest.CaptureFixture, *words: object) -> str:
    """The one line that a wrong command prints, after checking its exit code."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as leaving:
        cldmm(*words)
    assert leaving.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    lines = [line for line in lines if 'mmengine' not in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith('error: ')
    return lines[0]


def save_images(folder: Path, number: int, color: tuple = (0, 0, 0)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(number)
    for index in range(number):
        noise = generator.integers(0, 60, (20, 24, 3))
        pixels = (noise + np.array(color)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f'{index}.png')
    return folder


@pytest.fixture(scope='module')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_images(tmp_path_factory.mktemp('photos'), 9, (90, 60, 30))


@pytest.fixture(scope='module')
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('runs') / 'run'
    cldmm('pretrain', photos, *TINY, '--epochs', 2, '--batch-size', 4, '--out', out)
    return out


def test_a_run_leaves_a_checkpoint_and_its_config(run: Path) -> None:
    assert (run / 'epoch_2.pth').is_file()
    cfg = Config.fromfile(run / 'config.py')
    assert cfg.train_cfg.max_epochs == 2
    assert cfg.model.queue_len == 8  # the multiple of the batch below 9 images
    assert '_base_' not in cfg


@pytest.mark.slow
def test_two_devices_train_together(photos: Path, tmp_path: Path) -> None:
    words = (
        '--epochs',
        1,
        '--devices',
        2,
        '--batch-size',
        2,
        '--out',
        tmp_path / 'run',
    )
    cldmm('pretrain', photos, *TINY, *words)
    cfg = Config.fromfile(tmp_path / 'run' / 'config.py')
    assert cfg.model.cld.gather
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


def test_a_second_run_continues(
    run: Path, photos: Path, capsys: pytest.CaptureFixture
) -> None:
    cldmm('pretrain', photos, *TINY, '--epochs', 2, '--batch-size', 4, '--out', run)
    assert 'it continues' in capsys.readouterr().out


def test_a_second_run_of_other_settings_is_refused(
    run: Path, photos: Path, capsys: pytest.CaptureFixture
) -> None:
    text = error_of(
        capsys,
        'pretrain',
        photos,
        *TINY,
        '--epochs',
        3,
        '--batch-size',
        4,
        '--out',
        run,
    )
    assert 'holds a run with epochs 2, not 3' in text


def test_embeddings_have_the_file_names(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    cldmm('embed', run, photos, '--out', tmp_path / 'e.csv')
    found = Embeddings.load(tmp_path / 'e.csv')
    assert found.features.shape == (9, 512)
    assert found.files[0] == str(photos / '0.png')


def test_the_backbone_is_exported(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    cldmm('export', run, tmp_path / 'b.pth', '--to', 'mmpretrain')
    assert 'Verified' in capsys.readouterr().out
    weights = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    trained = torch.load(run / 'epoch_2.pth', weights_only=False)['state_dict']
    name = 'backbone.conv1.weight'
    assert torch.equal(weights[name], trained[name])


def test_the_images_are_explored(run: Path, photos: Path, tmp_path: Path) -> None:
    cldmm('explore', run, photos, '--out', tmp_path / 'explored', '--map', 'pca')
    assert (tmp_path / 'explored' / 'explore.html').is_file()


def test_the_config_is_printed(run: Path, capsys: pytest.CaptureFixture) -> None:
    cldmm('config', run)
    assert "type='MoCo'" in capsys.readouterr().out


def test_data_are_described(photos: Path, capsys: pytest.CaptureFixture) -> None:
    cldmm('data', photos)
    text = capsys.readouterr().out
    assert 'images   9' in text
    assert '24×20' in text


COLORS = {'ape': (190, 0, 0), 'bee': (0, 190, 0), 'cat': (0, 0, 190)}


def class_folders(root: Path, names: str, number: int) -> Path:
    for name in names.split():
        save_images(root / name, number, COLORS[name])
    return root


@pytest.mark.parametrize(
    ('train', 'test', 'wanted'),
    [('ape bee cat', 'bee cat', 100.0), ('bee cat', 'ape bee cat', 200 / 3)],
)
def test_classes_are_compared_by_name(
    train: str,
    test: str,
    wanted: float,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    class_folders(tmp_path / 'train', train, 6)
    class_folders(tmp_path / 'test', test, 4)
    cldmm('knn', run, tmp_path, '--k', 3)
    assert f'top-1 {wanted:6.2f} %' in capsys.readouterr().out
    cldmm('linear', run, tmp_path / 'train', '--test', tmp_path / 'test')
    assert f'top-1 {wanted:6.2f} %' in capsys.readouterr().out


def test_a_fifth_is_held_out_without_test_images(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class_folders(tmp_path, 'ape bee', 5)
    cldmm('knn', run, tmp_path, '--k', 1)
    text = capsys.readouterr().out
    assert '2 of 10 images are held out' in text
    assert 'top-1 100.00 %' in text
    assert 'top-5' not in text  # of two classes


def test_labels_come_from_a_csv_file(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class_folders(tmp_path / 'images', 'ape bee', 5)
    files = sorted((tmp_path / 'images').glob('*/*.png'))
    rows = ['file,label', *(f'{f.parent.name}/{f.name},{f.parent.name}' for f in files)]
    (tmp_path / 'labels.csv').write_text('\n'.join(rows))
    words = ('--labels', tmp_path / 'labels.csv', '--k', 1)
    cldmm('knn', run, tmp_path / 'images', *words)
    assert 'top-1 100.00 %' in capsys.readouterr().out


def test_two_networks_are_compared(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class_folders(tmp_path, 'ape bee', 10)
    cldmm('compare', run, tmp_path, '--draws', 2)
    text = capsys.readouterr().out
    assert 'Linear top-1 on 20 labeled images' in text
    assert 'random' in text


def first_weights(checkpoint: Path) -> torch.Tensor:
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    return state['backbone.conv1.weight']


def test_a_classifier_starts_from_the_trained_backbone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class_folders(tmp_path / 'images' / 'train', 'ape bee', 10)
    class_folders(tmp_path / 'images' / 'test', 'bee ape', 4)
    words = ('--out', tmp_path / 'out', '--epochs', 1, '--workers', 0, '--lr', 1e-9)
    cldmm('finetune', run, tmp_path / 'images', *words)
    trained = tmp_path / 'out' / 'epoch_1.pth'
    state = torch.load(trained, weights_only=False)['state_dict']
    assert state['head.fc.weight'].shape == (2, 512)
    torch.testing.assert_close(
        first_weights(trained), first_weights(run / 'epoch_2.pth')
    )
    log = next((tmp_path / 'out').glob('*/*.log')).read_text()
    assert 'on 20 images' in log  # those of test are kept for testing
    assert 'paramwise_options' not in capsys.readouterr().err


def test_training_starts_from_the_given_weights(photos: Path, tmp_path: Path) -> None:
    network = torchvision.models.resnet18()
    torch.save(network.state_dict(), tmp_path / 'weights.pth')
    words = ('--epochs', 1, '--lr', 1e-9, '--out', tmp_path / 'out', '--workers', 0)
    sizes = ('--backbone', 'resnet18', '--size', 64, '--batch-size', 4)
    cldmm('pretrain', photos, '--init', tmp_path / 'weights.pth', *words, *sizes)
    trained = first_weights(tmp_path / 'out' / 'epoch_1.pth')
    torch.testing.assert_close(trained, network.conv1.weight.detach())


# Wrong commands, and what their error names.
WRONG: dict[str, Any] = {
    'empty folder': (['pretrain', '{empty}'], 'no readable images'),
    'missing folder': (['pretrain', '{photos}-none'], 'does not exist'),
    'broken images': (['pretrain', '{broken}', *TINY], 'no image could be read'),
    'method': (['pretrain', '{photos}', '--method', 'moco2-cld'], 'mocov2-cld'),
    'backbone': (['pretrain', '{photos}', '--backbone', 'resnt50'], 'resnet50'),
    'init': (['pretrain', '{photos}', '--init', 'none.pth', *TINY], 'none.pth'),
    'other weights': (
        ['pretrain', '{photos}', '--init', '{weights}', *TINY],
        'no weight of ResNet_CIFAR',
    ),
    'time and epochs': (
        ['pretrain', '{photos}', '--time', '1m', '--epochs', '2'],
        'not both',
    ),
    'duration': (['pretrain', '{photos}', '--time', 'soon'], 'expected such as 90s'),
    'size': (['pretrain', '{photos}', '--size', '2'], 'at least 8'),
    'batch': (['pretrain', '{photos}', *TINY, '--batch-size', '64'], '--batch-size'),
    'run': (['embed', 'pretained', '{photos}'], 'is no run, no checkpoint'),
    'key': (
        ['pretrain', '{photos}', *TINY, '--cfg-options', 'model.cld.weight=1'],
        'model.cld',
    ),
    'section': (
        ['pretrain', '{photos}', *TINY, '--cfg-options', 'modle.queue_len=4'],
        'modle.queue_len',
    ),
    'checkpoint': (['embed', '{photos}', '{photos}'], 'no checkpoint'),
    'embeddings': (['embed', '{run}', '{photos}', '--out', 'e.txt'], '.npz'),
    'labels': (['knn', '{run}', '{photos}'], 'have no labels'),
    'column': (['knn', '{run}', '{photos}', '--labels', '{csv}'], 'column'),
    'explore': (['explore', '{run}'], 'the images are missing'),
    'export': (['export', '{run}', 'b.onnxx', '--to', 'onnx'], 'must end in .onnx'),
    'command': (['pretain', '{photos}'], 'pretain'),
}


@pytest.mark.parametrize('name', WRONG)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    name: str,
    run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    inputs = tmp_path / 'inputs'
    (inputs / 'empty').mkdir(parents=True)
    (inputs / 'broken').mkdir()
    for number in range(4):
        (inputs / 'broken' / f'{number}.jpg').write_bytes(b'no image')
    torch.save({'fc.weight': torch.zeros(2, 2)}, inputs / 'weights.pth')
    (inputs / 'labels.csv').write_text('file,other\n0.png,x\n')
    places = {
        'empty': inputs / 'empty',
        'broken': inputs / 'broken',
        'weights': inputs / 'weights.pth',
        'csv': inputs / 'labels.csv',
        'photos': photos,
        'run': run,
    }
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    words, named = WRONG[name]
    text = error_of(capsys, *(str(word).format(**places) for word in words))
    assert named in text
    assert list((tmp_path / 'here').iterdir()) == []


def test_a_time_too_short_for_an_epoch_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ('--time', '1s', '--out', tmp_path / 'out', *TINY)
    assert 'too short' in error_of(capsys, 'pretrain', photos, *words)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('command', ['', *COMMANDS])
def test_help_imports_neither_torch_nor_numpy(command: str) -> None:
    code = (
        'import sys\nfrom cld_mm.cli.main import main\n'
        f'try: main({[*command.split(), "--help"]!r})\n'
        'except SystemExit as leaving: assert leaving.code == 0\n'
        'slow = {"torch", "numpy", "mmengine"} & set(sys.modules)\n'
        'assert not slow, slow'
    )
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)


def test_shells_get_completion(capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip('shtab')
    with pytest.raises(SystemExit) as leaving:
        cldmm('--print-completion', 'bash')
    assert leaving.value.code in (0, None)
    assert 'pretrain' in capsys.readouterr().out
