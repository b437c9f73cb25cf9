"""Tools that draw or analyze a run, on a few iterations over digits."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from cld_mm import visualization
from cld_mm.apis.inference import build_model
from cld_mm.datasets.samplers.seeded_sampler import SeededSampler
from cld_mm.registry import DATASETS
from tests.helpers import ROOT
from tests.helpers.run_tools import call_tool
from tests.helpers.run_tools import run_process as run
from tests.helpers.training import CONFIG, options, train

CLDMM = 'cld_mm/cli/main.py'
FEATURE_TOOLS = ('embedding', 'groups', 'neighbors', 'similarity')


@pytest.fixture(scope='module')
def trained(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work_dir = tmp_path_factory.mktemp('trained')
    train(digits, work_dir)
    return work_dir


def picture_of(path: Path) -> Any:
    text = path.read_bytes()
    return text[:4] == b'\x89PNG' if path.suffix == '.png' else b'<svg' in text[:2000]


def call(tool: str, *words: Any, code: int = 0) -> Any:
    done = call_tool(tool, *words)
    assert done.code == code, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize('suffix', ['png', 'svg'])
@pytest.mark.parametrize('tool', FEATURE_TOOLS)
def test_tools_that_draw_features(
    tool: str, suffix: str, trained: Path, digits: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'new' / f'{tool}.{suffix}'
    words = ['--images', 20, '--out', out]
    words += ['--groups', 3] if tool == 'groups' else []
    color = 'class' if suffix == 'png' else 'group'
    words += ['--color', color] if tool == 'embedding' else []
    call(
        f'tools/visualization/{tool}.py',
        CONFIG,
        trained / 'epoch_2.pth',
        *words,
        *options(digits),
    )
    assert picture_of(out)


@pytest.mark.slow
@pytest.mark.parametrize('suffix', ['png', 'svg'])
def test_views_are_those_that_training_sees(
    suffix: str, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / 'config.py'
    cfg = Config.fromfile(ROOT / CONFIG)
    cfg.train_dataloader.dataset.data_root = str(digits)
    cfg.dump(config)
    drawn = []
    real = visualization.plot_rows

    def spy(rows: Any, names: Any, *rest: Any) -> None:
        drawn.append((rows, names, rest))
        real(rows, names, *rest)

    monkeypatch.setattr(visualization, 'plot_rows', spy)
    out = tmp_path / f'views.{suffix}'
    call('tools/visualization/browse_dataset.py', config, '--images', 3, '--out', out)
    assert picture_of(out)
    [(rows, names, (_, _, heads))] = drawn
    assert [len(row) for row in rows] == [7, 7, 7] == [len(heads)] * 3
    assert names[0].startswith('image 0')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert np.array_equal(rows[0][0], dataset.get_data_info(0)['img'])
    # Training's sampler in its second epoch hands out this seed, and so these views.
    sampler = SeededSampler(dataset, shuffle=True, seed=0)
    sampler.set_epoch(1)
    [first] = [index for index in sampler if int(index) == 0]
    views = dataset[first]['inputs']
    for drawn_view, view in zip(rows[0][4:], views, strict=True):
        seen = view.numpy().transpose(1, 2, 0).astype(int)
        assert abs(drawn_view - seen).max() <= 1  # normalized and back


@pytest.mark.slow
def test_two_photographs_can_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.datasets import load_sample_images

    names = []
    photographs = load_sample_images().images
    for name, image in zip(('china', 'flower'), photographs, strict=True):
        names.append(tmp_path / f'{name}.png')
        Image.fromarray(image).save(names[-1])
    cfg = Config.fromfile(ROOT / 'configs/mocov2_cld_r50_200e.py')
    cfg.merge_from_dict({'model.backbone.depth': 18, 'model.neck.in_channels': 512})
    cfg.model.queue_len = 64
    cfg.dump(tmp_path / 'config.py')
    model = build_model(cfg, None)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'epoch_1.pth')
    tool = 'tools/visualization/similarity.py'
    words: list[Path | str] = [tmp_path / 'config.py', tmp_path / 'epoch_1.pth']
    words += ['--out', tmp_path / 'similar.svg', '--files']
    call(tool, *words, *names)
    assert 'china.png' in (tmp_path / 'similar.svg').read_text()
    call(tool, *words, names[0], tmp_path / 'none.png', code=2)


@pytest.mark.slow
def test_what_is_wrong_is_one_sentence(
    trained: Path, digits: Path, tmp_path: Path
) -> None:
    saved = torch.load(trained / 'epoch_2.pth', weights_only=False)
    for value in saved['state_dict'].values():
        if value.is_floating_point():
            value.fill_(float('nan'))
    torch.save(saved, tmp_path / 'nan.pth')
    logs = tmp_path / 'empty' / '20260101_000000' / 'vis_data'
    logs.mkdir(parents=True)
    (logs / 'scalars.json').write_text('{"loss": 1')
    (tmp_path / 'none').mkdir()
    last = trained / 'epoch_2.pth'
    for sentence, tool, *words in (
        ('not finite', 'embedding', CONFIG, tmp_path / 'nan.pth'),
        ('not finite', 'similarity', CONFIG, tmp_path / 'nan.pth'),
        ('too few', 'groups', CONFIG, last, '--images', 1),
        ('no part', 'neighbors', CONFIG, last, '--feature', 'no part'),
        ('arrays', 'similarity', CONFIG, last, '--files', last, last),
        ('does not exist', 'embedding', CONFIG, tmp_path / 'none.pth'),
        ('is empty', 'curves', tmp_path / 'empty'),
        ('scalars.json', 'curves', tmp_path / 'none'),
        ('scalars.json', 'cldmm', 'report', tmp_path / 'none'),
        ('is empty', 'cldmm', 'report', tmp_path / 'empty'),
        ('given twice', 'cldmm', 'report', trained, trained, '--no-snapshots'),
        ('at least 1', 'cldmm', 'report', trained, '--checkpoints', 0),
    ):
        data = options(digits) if CONFIG in words else []
        path = CLDMM if tool == 'cldmm' else f'tools/visualization/{tool}.py'
        done = call(path, *words, *data, code=2)
        message = done.stderr.strip().splitlines()[-1]
        assert message.startswith('error: '), message
        assert sentence in message


@pytest.mark.slow
def test_the_report_leaves_broken_checkpoints_out(
    trained: Path, tmp_path: Path
) -> None:
    work_dir = tmp_path / 'run'
    shutil.copytree(trained, work_dir)
    (work_dir / 'epoch_3.pth').write_bytes(
        (work_dir / 'epoch_2.pth').read_bytes()[:5000]
    )
    done = call(CLDMM, 'report', work_dir, '--images', 20, '--groups', 3)
    page = (work_dir / 'report.html').read_text()
    assert 'epoch_3.pth was skipped' in page
    assert ' MB)' in done.stdout


@pytest.mark.slow
def test_confusion_matrix_counts_every_image(
    trained: Path, digits: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'confusion.svg'
    run(
        'tools/analysis_tools/confusion_matrix.py',
        CONFIG,
        trained / 'epoch_2.pth',
        '--work-dir',
        tmp_path,
        '--out',
        out,
        *options(digits),
    )
    found = json.loads(out.with_suffix('.json').read_text())
    counts = torch.tensor(found['counts'])
    assert picture_of(out)
    assert counts.sum() == 20
    assert 100 * counts.trace() / 20 == pytest.approx(found['top1'])


@pytest.mark.slow
def test_report_names_what_ran(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / 'new' / 'report.html'
    words = ['--images', 20, '--groups', 3, '--out', out]
    call(CLDMM, 'report', trained, *words)
    page = out.read_text()
    data = page.split('<script id="data" type="application/json">')[1]
    data = json.loads(data.split('</script>')[0])
    snapshot = data['snapshots'][0]
    assert sorted(snapshot['epochs']) == ['1', '2']
    assert len(snapshot['epochs']['1']['points']) == 20
    assert len(data['curves'][0]['loss'][0]) == 6
    assert 'group_nmi' in data['curves'][0]
    assert '<dt>hardware</dt>' in page
    assert 'training images 24' in page


@pytest.mark.slow
def test_analysis_tools(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / 'logs.json'
    call('tools/analysis_tools/analyze_logs.py', trained, '--out', out)
    losses = json.loads(out.read_text())[str(trained)]['loss']
    assert losses['values'] == 6
    assert losses['smallest'] <= losses['median'] <= losses['largest']
    one, two = trained / 'epoch_1.pth', trained / 'epoch_2.pth'
    call('tools/analysis_tools/compare_checkpoints.py', one, one)
    done = call('tools/analysis_tools/compare_checkpoints.py', one, two, code=1)
    assert 'backbone.conv1.weight: largest' in done.stdout
    out = tmp_path / 'flops.json'
    call('tools/analysis_tools/get_flops.py', CONFIG, '--size', 28, '--out', out)
    assert json.loads(out.read_text())['image'] == [1, 28, 28]
    call('tools/visualization/curves.py', trained, '--out', tmp_path / 'curves.svg')
    assert picture_of(tmp_path / 'curves.svg')
