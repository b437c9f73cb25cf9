"""Tools that draw or analyse a run, on a few iterations over digits."""

import json

import pytest
import torch
from test_train import CONFIG, options, run, train

FEATURE_TOOLS = ('embedding', 'groups', 'neighbours', 'similarity')


@pytest.fixture(scope='module')
def trained(digits, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('trained')
    train(digits, work_dir)
    return work_dir


def picture_of(path):
    text = path.read_bytes()
    return text[:4] == b'\x89PNG' if path.suffix == '.png' else b'<svg' in text[:2000]


@pytest.mark.parametrize('tool', FEATURE_TOOLS)
def test_tools_that_draw_features(tool, trained, digits, tmp_path):
    out = tmp_path / f'{tool}.{"svg" if tool == "groups" else "png"}'
    words = ['--images', 20, '--out', out]
    words += ['--groups', 3] if tool == 'groups' else []
    run(
        f'tools/visualization/{tool}.py',
        CONFIG,
        trained / 'epoch_2.pth',
        *words,
        *options(digits),
    )
    assert picture_of(out)


def test_confusion_matrix_counts_every_image(trained, digits, tmp_path):
    out = tmp_path / 'confusion.png'
    run(
        'tools/visualization/confusion_matrix.py',
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


def test_report_names_what_ran(trained, tmp_path):
    out = tmp_path / 'report.html'
    run('tools/report.py', trained, '--images', 20, '--groups', 3, '--out', out)
    page = out.read_text()
    data = page.split('<script id="data" type="application/json">')[1]
    data = json.loads(data.split('</script>')[0])
    snapshot = data['snapshots'][0]
    assert sorted(snapshot['epochs']) == ['1', '2']
    assert len(snapshot['epochs']['1']['places']) == 20
    assert len(data['curves'][0]['loss'][0]) == 6
    assert 'group_nmi' in data['curves'][0]
    assert '<dt>hardware</dt>' in page
    assert 'training images 24' in page


def test_a_missing_checkpoint_is_one_sentence(digits, tmp_path):
    done = run(
        'tools/visualization/embedding.py',
        CONFIG,
        tmp_path / 'none.pth',
        *options(digits),
        ok=False,
    )
    assert 'none.pth does not exist' in done.stderr
    assert 'Traceback' not in done.stderr


def test_analysis_tools(trained, tmp_path):
    out = tmp_path / 'logs.json'
    run('tools/analysis_tools/analyze_logs.py', trained, '--out', out)
    losses = json.loads(out.read_text())[str(trained)]['loss']
    assert losses['values'] == 6
    assert losses['smallest'] <= losses['median'] <= losses['largest']
    one, two = trained / 'epoch_1.pth', trained / 'epoch_2.pth'
    run('tools/analysis_tools/compare_checkpoints.py', one, one)
    done = run('tools/analysis_tools/compare_checkpoints.py', one, two, ok=False)
    assert 'backbone.conv1.weight: largest' in done.stdout
    out = tmp_path / 'flops.json'
    run('tools/analysis_tools/get_flops.py', CONFIG, '--size', 28, '--out', out)
    assert json.loads(out.read_text())['image'] == [1, 28, 28]
    run('tools/visualization/curves.py', trained, '--out', tmp_path / 'curves.svg')
    assert picture_of(tmp_path / 'curves.svg')
