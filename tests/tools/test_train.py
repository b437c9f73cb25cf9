"""tools/train.py as a user runs it, on a few images of digits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from tests.helpers import ROOT
from tests.helpers.run_tools import run_process
from tests.helpers.training import CONFIG, losses, options, train

PROBE = 'configs/benchmarks/linear/linear_r18_fashionmnist.py'


@pytest.fixture(scope='module')
def whole(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of a run of four epochs; the schedule is planned for ten."""
    work_dir = tmp_path_factory.mktemp('whole')
    train(digits, work_dir, train_cfg__max_epochs=4)
    return work_dir


def probe(digits: Path, work_dir: Path, checkpoint: Path, ok: bool = True) -> str:
    """A linear probe of two epochs; what it printed to stderr."""
    settings = {
        'train_cfg.max_epochs': 2,
        'train_dataloader.batch_size': 8,
        'train_dataloader.dataset.indices': 24,
        'train_dataloader.dataset.data_root': digits,
        'val_dataloader.dataset.data_root': digits,
        'default_hooks.checkpoint.interval': 1,
    }
    words = ['--work-dir', work_dir, '--pretrained', checkpoint, '--cfg-options']
    words += [f'{key}={value}' for key, value in settings.items()]
    return run_process('tools/train.py', PROBE, *words, ok=ok).stderr


def test_a_resumed_run_is_bit_exact(whole: Path, digits: Path, tmp_path: Path) -> None:
    train(digits, tmp_path, train_cfg__max_epochs=2)
    first = losses(tmp_path)
    done = train(digits, tmp_path, '--resume', train_cfg__max_epochs=4)
    assert 'Epoch(train)' in done.stdout + done.stderr  # plain lines in a pipe
    assert len(losses(whole)) == 12
    assert sorted(set(first + losses(tmp_path))) == losses(whole)
    one, two = (
        torch.load(folder / 'epoch_4.pth')['state_dict'] for folder in (whole, tmp_path)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_amp_trains_in_bfloat16_on_a_cpu(
    whole: Path, digits: Path, tmp_path: Path
) -> None:
    train(digits, tmp_path, '--amp', '--no-validate', train_cfg__max_epochs=1)
    wrapper = Config.fromfile(next(tmp_path.glob('*.py'))).optim_wrapper
    assert wrapper.dtype == 'bfloat16'
    for (*_, full, _), (*_, rounded, _) in zip(
        losses(whole)[:3], losses(tmp_path), strict=True
    ):
        assert rounded != full  # the forward pass is rounded to eight bits ...
        assert rounded == pytest.approx(full, rel=0.05)  # ... and no more than that


@pytest.mark.slow
def test_a_probe_trains_nothing_but_its_head(
    whole: Path, digits: Path, tmp_path: Path
) -> None:
    probe(digits, tmp_path, whole / 'epoch_4.pth')
    pretrained = torch.load(whole / 'epoch_4.pth')['state_dict']
    trained = torch.load(tmp_path / 'epoch_2.pth')['state_dict']
    frozen = [name for name in trained if name.startswith('backbone.')]
    assert frozen
    for name in frozen:  # statistics of BatchNorm too
        assert torch.equal(trained[name], pretrained[name]), name
    head = torch.load(tmp_path / 'epoch_1.pth')['state_dict']['head.fc.weight']
    assert not torch.equal(trained['head.fc.weight'], head)


@pytest.mark.slow
def test_a_probe_refuses_weights_of_another_model(digits: Path, tmp_path: Path) -> None:
    torch.save({'state_dict': {'other.weight': torch.zeros(2)}}, tmp_path / 'x.pth')
    said = probe(digits, tmp_path, tmp_path / 'x.pth', ok=False)
    assert 'ResNet_CIFAR' in said.strip().splitlines()[-1]
    assert 'Traceback' not in said
    said = probe(digits, tmp_path, tmp_path / 'missing.pth', ok=False)
    assert 'missing.pth' in said.strip().splitlines()[-1]


@pytest.mark.slow
def test_two_ranks_train(digits: Path, tmp_path: Path) -> None:
    words = options(digits, train_dataloader__batch_size=4)
    run_process(
        'tools/dist_train.sh', CONFIG, 2, '--work-dir', tmp_path, *words, PORT='29631'
    )
    assert (tmp_path / 'epoch_2.pth').is_file()


@pytest.mark.slow
def test_a_nan_is_reported_by_both_ranks(digits: Path, tmp_path: Path) -> None:
    words = options(
        digits, train_dataloader__batch_size=4, optim_wrapper__optimizer__lr=1e30
    )
    script = ['tools/dist_train.sh', CONFIG, 2, '--work-dir', tmp_path]
    done = run_process(*script, *words, ok=False, PORT='29632')
    for rank in (0, 1):
        assert f'[rank {rank}] error: the loss is not finite at iteration' in (
            done.stderr
        )


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no pty')
def test_a_terminal_gets_one_live_bar(digits: Path, tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 140, 0, 0))
    words = ['--work-dir', str(tmp_path), '--no-validate', *options(digits)]
    with subprocess.Popen(
        [sys.executable, 'tools/train.py', CONFIG, *words],
        cwd=ROOT,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b''
        while True:
            try:
                chunk = os.read(leader, 4096)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
    assert process.returncode == 0, shown.decode()
    assert b'images/s' in shown
    assert b'epoch 2/2' in shown
    assert b'Epoch(train)' not in shown
    assert 'Epoch(train)' in next(tmp_path.glob('*/*.log')).read_text()


def test_bad_input_is_a_one_line_error(digits: Path, tmp_path: Path) -> None:
    words = ['--work-dir', tmp_path, *options(digits), 'model.queue_len=4']
    done = run_process('tools/train.py', CONFIG, *words, ok=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert 'queue' in last
    assert '4' in last
    assert 'Traceback' not in done.stderr


@pytest.mark.slow
def test_too_few_views_are_named(digits: Path, tmp_path: Path) -> None:
    config = tmp_path / 'two_views.py'
    config.write_text(
        f"_base_ = '{ROOT / CONFIG}'\n"
        'train_pipeline = _base_.train_pipeline\n'
        "train_pipeline[0]['num_views'] = [2]\n"
        'train_dataloader = dict(dataset=dict(pipeline=train_pipeline))\n'
    )
    words = ['--work-dir', tmp_path, *options(digits)]
    done = run_process('tools/train.py', config, *words, ok=False)
    assert 'MoCo got 2 view(s) of each image, but needs 3' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ('tool', 'flags', 'keys'),
    [
        ('test', [], {'knn_backbone/top1', 'knn_instance/top5'}),
        ('linear', ['--epochs', 2, '--shots', 1, '--draws', 2], {'top1', 'low_shot'}),
        ('evaluate', ['--groups', 4], {'backbone', 'instance'}),
    ],
)
def test_evaluation_tools_write_results(
    tool: str, flags: list, keys: set[str], whole: Path, digits: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'results.json'
    words = [*flags, '--work-dir', tmp_path, '--out', out, *options(digits)]
    run_process(f'tools/{tool}.py', CONFIG, whole / 'epoch_4.pth', *words)
    assert keys <= set(json.loads(out.read_text()))
