"""The tools as a user runs them, on a few images of digits."""

import fcntl
import functools
import gzip
import hashlib
import json
import os
import pty
import socketserver
import struct
import subprocess
import sys
import termios
import threading
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import torch

from cld_mm.datasets.preparation.fashion_mnist import FILES, fetch
from cld_mm.fileio.download import SourceError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = 'configs/mocov2_cld_r18_fashionmnist_10e.py'
SMALL = {
    'train_dataloader.dataset.indices': 24,
    'val_dataloader.dataset.indices': 20,
    'test_dataloader.dataset.indices': 20,
    'val_cfg.train_dataloader.dataset.indices': 30,
    'test_cfg.train_dataloader.dataset.indices': 30,
    'val_cfg.k': 5,
    'test_cfg.k': 5,
    'train_dataloader.batch_size': 8,
    'model.queue_len': 32,
    'model.cld.grouping.num_groups': 3,
    'train_cfg.max_epochs': 2,
    'train_cfg.val_interval': 2,
    'default_hooks.logger.interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'log_processor.window_size': 1,
}


def run(*words, ok=True, env=None):
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **(env or {})},
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done


def options(digits, **changes):
    settings = {**SMALL, **{k.replace('__', '.'): v for k, v in changes.items()}}
    for loader in (
        'train_dataloader',
        'val_dataloader',
        'test_dataloader',
        'val_cfg.train_dataloader',
        'test_cfg.train_dataloader',
    ):
        settings[f'{loader}.dataset.data_root'] = digits
    return ['--cfg-options', *(f'{key}={value}' for key, value in settings.items())]


def train(digits, work_dir, *words, **changes):
    return run(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        *words,
        *options(digits, **changes),
    )


def losses(work_dir):
    records = []
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        records += [json.loads(line) for line in log.read_text().splitlines()]
    return [
        (r['epoch'], r['iter'], r['loss'], r['loss_cld'])
        for r in records
        if 'loss' in r
    ]


def test_train_resume_test_and_probe(digits, tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    train(digits, whole, train_cfg__max_epochs=4)
    # The schedule is the config's, over 10 epochs, in both.
    train(digits, parts, train_cfg__max_epochs=2)
    first = losses(parts)
    done = train(digits, parts, '--resume', train_cfg__max_epochs=4)
    assert 'Epoch(train)' in done.stdout + done.stderr  # plain lines in a pipe
    assert len(losses(whole)) == 12
    assert sorted(set(first + losses(parts))) == losses(whole)  # to the last bit
    one, two = (
        torch.load(folder / 'epoch_4.pth')['state_dict'] for folder in (whole, parts)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)

    done = run(
        'tools/test.py',
        CONFIG,
        whole / 'epoch_4.pth',
        '--work-dir',
        tmp_path / 'test',
        '--out',
        tmp_path / 'm.json',
        *options(digits),
    )
    metrics = json.loads((tmp_path / 'm.json').read_text())
    assert {'knn_backbone/top1', 'knn_instance/top5'} <= set(metrics)

    for tool, flags in (
        ('knn', ['--k', '3', '50', '--temperature', '0.1']),
        ('evaluate', ['--groups', '4']),
        ('linear', ['--epochs', '2', '--shots', '1', '--draws', '2']),
    ):
        found = tmp_path / f'{tool}.json'
        done = run(
            f'tools/{tool}.py',
            CONFIG,
            whole / 'epoch_4.pth',
            *flags,
            '--work-dir',
            tmp_path / tool,
            '--out',
            found,
            *options(digits),
        )
        results = json.loads(found.read_text())
        if tool == 'knn':
            assert [row['k'] for row in results] == [3, 50] * 2
        elif tool == 'linear':
            assert {'top1', 'low_shot'} <= set(results)
        else:
            assert {'nmi', 'map', 'effective_rank', 'knn_top1_all'} <= set(
                results['backbone']
            )
            assert 'effective_rank' in done.stdout

    probe = [
        'tools/train.py',
        'configs/benchmarks/linear/linear_r18_fashionmnist.py',
        '--work-dir',
        tmp_path / 'probe',
        '--cfg-options',
        'train_cfg.max_epochs=2',
        'train_dataloader.batch_size=8',
        'train_dataloader.dataset.indices=24',
        f'train_dataloader.dataset.data_root={digits}',
        f'val_dataloader.dataset.data_root={digits}',
        'default_hooks.checkpoint.interval=1',
    ]
    run(*probe, '--pretrained', whole / 'epoch_4.pth')
    trained = torch.load(tmp_path / 'probe/epoch_2.pth')['state_dict']
    for name, value in trained.items():
        if name.startswith('backbone.'):
            assert torch.equal(value, one[name]), name  # frozen: statistics too
    torch.save({'state_dict': {'other.weight': torch.zeros(2)}}, tmp_path / 'x.pth')
    done = run(*probe, '--pretrained', tmp_path / 'x.pth', ok=False)
    assert 'not one weight of ResNet_CIFAR' in done.stderr
    assert 'Traceback' not in done.stderr
    run(*probe, '--pretrained', tmp_path / 'missing.pth', ok=False)


def test_two_ranks_and_a_nan_on_all(digits, tmp_path):
    script = ['bash', 'tools/dist_train.sh', CONFIG, '2', '--work-dir', tmp_path]
    env = {**os.environ, 'PYTHON': sys.executable, 'PORT': '29631'}
    words = options(digits, train_dataloader__batch_size=4)
    done = subprocess.run(
        [*map(str, script), *words],
        cwd=ROOT,
        env=env,
        timeout=240,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'epoch_2.pth').is_file()
    words = options(
        digits, train_dataloader__batch_size=4, optim_wrapper__optimizer__lr=1e30
    )
    done = subprocess.run(
        [*map(str, script), *words],
        cwd=ROOT,
        env=env,
        timeout=240,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    for rank in (0, 1):
        assert (
            f'[rank {rank}] error: the loss is not finite at iteration' in done.stderr
        )


def test_bf16_on_request(digits, tmp_path):
    train(digits, tmp_path, '--amp', train_cfg__max_epochs=1)


def test_a_terminal_gets_one_live_bar(digits, tmp_path):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 140, 0, 0))
    with subprocess.Popen(
        [
            sys.executable,
            'tools/train.py',
            CONFIG,
            '--work-dir',
            str(tmp_path),
            '--no-validate',
            *options(digits),
        ],
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


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('model.cld.grouping.num_groups=0', 'num_groups must be >= 1, got 0'),
        ('model.queue_len=4', 'queue holds 4'),
        ('train_dataloader.dataset.data_root=/nowhere', '/nowhere does not exist'),
    ],
)
def test_bad_input_is_one_sentence(digits, tmp_path, option, said):
    done = run(
        'tools/train.py',
        CONFIG,
        '--work-dir',
        tmp_path,
        *options(digits),
        option,
        ok=False,
    )
    assert said in done.stderr
    assert 'Traceback' not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith('error: ')


def test_too_few_views_is_one_sentence(digits, tmp_path):
    config = tmp_path / 'two_views.py'
    config.write_text(
        f"_base_ = '{ROOT / CONFIG}'\n"
        'train_pipeline = _base_.train_pipeline\n'
        "train_pipeline[0]['num_views'] = [2]\n"
        'train_dataloader = dict(dataset=dict(pipeline=train_pipeline))\n'
    )
    done = run(
        'tools/train.py', config, '--work-dir', tmp_path, *options(digits), ok=False
    )
    assert 'MoCo got 2 view(s) of each image, but needs 3' in done.stderr
    assert 'Traceback' not in done.stderr


def test_fetch_downloads_or_says_why_not(tmp_path, monkeypatch):
    with pytest.raises(SourceError, match='is not https'):
        fetch(tmp_path, 'download', 'ftp://localhost/')
    packed = {name: gzip.compress(name.encode()) for name in FILES}
    for name, content in packed.items():
        (tmp_path / f'{name}.gz').write_bytes(content)
    with socketserver.TCPServer(
        ('127.0.0.1', 0),
        functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path)),
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_address[1]}/'
        with pytest.raises(SourceError, match='MD5 sum'):
            fetch(tmp_path / 'a', 'download', url)
        assert not list((tmp_path / 'a').glob('*'))
        sums = {name: hashlib.md5(packed[name]).hexdigest() for name in packed}
        monkeypatch.setattr('cld_mm.datasets.preparation.fashion_mnist.FILES', sums)
        assert url in fetch(tmp_path / 'b', 'download', url)
        with pytest.raises(SourceError, match='404'):
            fetch(tmp_path / 'c', 'download', f'{url}nowhere/')
        server.shutdown()
    for name in FILES:
        assert (tmp_path / 'b' / name).read_bytes() == name.encode()
    assert 'digits' in fetch(tmp_path, 'digits')
    assert 'already' in fetch(tmp_path)
