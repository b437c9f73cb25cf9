"""Published rows: configs in memory, shortened, resumed, and filled into a table."""

import json
import os
import pickle
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cld_mm.registry import PARAM_SCHEDULERS
from cld_mm.study import StudyError
from cld_mm.study.reproduce import fill_ours, probe_config, row_config, rows, shorten

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/reproduce.py'
TABLE = """| config | data | published | ours |
|---|---|---|---|
| `npid_r18_cifar10_200e` | CIFAR-10 | 80.8 | not measured |
| `npid_cld_r18_cifar10_200e` | CIFAR-10 | 86.7 | not measured |
"""


def test_every_row_of_the_published_table_is_listed() -> None:
    names = rows(ROOT)
    assert {'npid_cld_r18_cifar10_200e', 'mocov2_cld_r50_200e'} <= set(names)
    assert not any('fashionmnist' in name for name in names)


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(StudyError, match="unknown row 'npid'; rows: "):
        row_config('npid', ROOT, 0)


@pytest.mark.parametrize(
    ('name', 'views', 'erased'),
    [
        ('npid_cld_r18_cifar10_200e', 2, False),
        ('moco_r18_cifar10_200e', 2, True),
        ('moco_cld_r18_cifar10_200e', 3, True),
        ('moco_cld_r18_cifar100_200e', 3, False),
    ],
)
def test_cifar_rows_make_the_same_views_in_memory(
    name: str, views: int, erased: bool
) -> None:
    before = row_config(name, ROOT, 0).train_dataloader
    dataset = before.dataset
    assert (dataset.type, dataset.num_views) == ('InMemoryViews', views)
    assert (before.num_workers, before.collate_fn.type) == (0, 'whole_batch')
    assert dataset.hue in (0.1, 0.4)
    assert dataset.scale == (0.2, 1.0)
    assert ('erase_prob' in dataset) is erased
    assert before.drop_last is False


def test_the_long_tail_stays_long_in_memory() -> None:
    dataset = row_config('npid_cld_r18_cifar10_lt100_200e', ROOT, 0).train_dataloader
    assert dataset.dataset.dataset.type == 'LongTailed'


@pytest.mark.parametrize('name', ['npid_cld_r18_cifar10_200e', 'infomin_cld_r50_200e'])
def test_a_shortened_row_has_its_schedule_in_short(name: str) -> None:
    cfg = row_config(name, ROOT, 0)
    lr = cfg.optim_wrapper.optimizer.lr
    shorten(cfg, 40)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    schedulers = cfg.param_scheduler
    built = [
        PARAM_SCHEDULERS.build(
            dict(one), default_args={'optimizer': optimizer, 'epoch_length': 5}
        )
        for one in (schedulers if isinstance(schedulers, list) else [schedulers])
    ]
    rates = []
    for _ in range(40 * 5):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for one in built:
            one.step()
    assert max(rates) == pytest.approx(lr, rel=0.01)
    assert rates.index(max(rates)) <= 6
    assert rates[-1] < 0.01 * lr


def test_imagenet_rows_have_their_own_linear_protocol() -> None:
    assert probe_config('npid_r18_cifar10_200e', ROOT) is None
    infomin = probe_config('infomin_cld_r50_100e', ROOT)
    assert infomin.stem == 'linear_infomin_r50_imagenet'
    assert probe_config('mocov2_cld_r50_200e', ROOT).stem == 'linear_r50_imagenet'


def test_a_cell_is_filled_and_others_stay() -> None:
    filled = fill_ours(TABLE, 'npid_r18_cifar10_200e', '79.9')
    assert '| `npid_r18_cifar10_200e` | CIFAR-10 | 80.8 | 79.9 |' in filled
    assert '| `npid_cld_r18_cifar10_200e` | CIFAR-10 | 86.7 | not measured |' in filled
    with pytest.raises(StudyError, match='no table has a row `other`'):
        fill_ours(TABLE, 'other', '1')


def write_cifar(folder: Path) -> None:
    """Sixty training and ten test images in CIFAR-10's files."""
    rng = np.random.default_rng(0)
    folder = folder / 'cifar-10-batches-py'
    folder.mkdir(parents=True)
    for name in [f'data_batch_{number}' for number in range(1, 6)] + ['test_batch']:
        count = 10 if name == 'test_batch' else 12
        data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
        labels = [number % 10 for number in range(count)]
        (folder / name).write_bytes(pickle.dumps({'data': data, 'labels': labels}))
    classes = {'label_names': [f'class {number}' for number in range(10)]}
    (folder / 'batches.meta').write_bytes(pickle.dumps(classes))


def reproduce(folder: Path, *flags: Any) -> tuple:
    """Run the tool on tiny data with a tiny network; exit code and output."""
    data = folder / 'data'
    if not data.is_dir():
        write_cifar(data)
    known = 'val_cfg.train_dataloader'
    options = [
        f'train_dataloader.dataset.dataset.data_root={data}',
        f'{known}.dataset.data_root={data}',
        f'val_dataloader.dataset.data_root={data}',
        *(f'{loader}.num_workers=0' for loader in (known, 'val_dataloader')),
        *(f'{loader}.persistent_workers=False' for loader in (known, 'val_dataloader')),
        'train_dataloader.batch_size=16',
        'val_cfg.k=5',
        'model.num_images=60',
        'model.backbone.stem_channels=4',
        'model.backbone.base_channels=4',
        'model.neck.in_channels=32',
        'model.cld.grouping.num_groups=4',
    ]
    words = [
        'npid_cld_r18_cifar10_200e',
        f'--results={folder / "results"}',
        f'--readme={folder / "README.md"}',
        f'--work-dir={folder / "work"}',
        *flags,
        '--cfg-options',
        *options,
    ]
    script = (
        'import sys, runpy, cld_mm.registry; from mmpretrain.datasets import CIFAR10; '
        'CIFAR10._check_integrity = lambda self: True; '
        'sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")'
    )
    done = subprocess.run(
        [sys.executable, '-c', script, str(TOOL), *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_shortened_row_runs_once_and_is_not_filled_in(tmp_path: Path) -> None:
    (tmp_path / 'README.md').write_text(TABLE)
    code, output = reproduce(tmp_path, '--epochs=2')
    assert code == 0, output
    (path,) = (tmp_path / 'results').glob('*.json')
    result = json.loads(path.read_text())
    assert (result['kind'], result['epochs']) == ('short', 2)
    assert 0 <= result['measures']['knn_instance/top1'] <= 100
    assert (tmp_path / 'README.md').read_text() == TABLE
    code, output = reproduce(tmp_path, '--epochs=2')
    assert code == 0
    assert 'is there already' in output


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_row_that_is_stopped_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    for folder in (whole, cut):
        folder.mkdir()
        (folder / 'README.md').write_text(TABLE)
    code, output = reproduce(whole, '--epochs=40')
    assert code == 0, output
    seconds, codes = 4.0, []
    while not codes or codes[-1] == 75:
        codes.append(reproduce(cut, '--epochs=40', f'--max-minutes={seconds / 60}')[0])
        seconds *= 1.5  # the first signals may come before the training
    assert codes[-1] == 0
    assert len(codes) > 1
    states = [
        torch.load(folder / 'work/epoch_40.pth', weights_only=False)['state_dict']
        for folder in (whole, cut)
    ]
    for key, value in states[0].items():
        torch.testing.assert_close(
            states[1][key], value, rtol=0, atol=0, equal_nan=True, msg=key
        )


@pytest.mark.parametrize('flag', ['--epochs=0', '--max-minutes=-1'])
def test_a_length_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    monkeypatch.setattr(sys, 'argv', [str(TOOL), 'npid_r18_cifar10_200e', flag])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_path(str(TOOL), run_name='__main__')
    assert leaving.value.code == 2
    assert 'must be above 0' in capsys.readouterr().err
