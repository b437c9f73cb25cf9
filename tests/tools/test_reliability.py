"""Faults done for real: kills, flipped bytes, cut files, a full disk, signals."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from cld_mm.engine.checkpoint import (
    CheckpointError,
    CheckpointWriter,
    damage,
    newest_good,
    read_label,
    write_checkpoint,
)
from cld_mm.engine.hooks.checkpoint import DigestCheckpointHook

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = 'tools/stress/kill_resume.py'
# Two ranks; the second run gets SIGTERM in the evaluation, where one has a batch less.
KILLS = [SCRIPT, '--kills', '2', '--seed', '356', '--ranks', '2']
KILLS += ['--cases', 'swav_cld', 'linear']


def checkpoint(step: int = 1) -> dict:
    return {
        'meta': {'iter': step, 'epoch': 0, 'run': 7},
        'state_dict': {'weight': torch.arange(300.0) + step},
        'optimizer': {},
    }


def test_killed_runs_resume_to_the_last_bit():
    done = subprocess.run(
        [sys.executable, *KILLS],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=240,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout
    assert last['kills'] >= 2
    assert last['differing_runs'] == 0


def test_every_flipped_byte_and_cut_is_found(tmp_path):
    path = tmp_path / 'iter_1.pth'
    write_checkpoint(checkpoint(), path)
    assert damage(path) is None
    assert read_label(path)[:4] == (True, 7, 0, 1)
    loaded = torch.load(path, weights_only=True)
    assert torch.equal(loaded['state_dict']['weight'], torch.arange(300.0) + 1)
    whole = path.read_bytes()
    for place in [*range(0, len(whole), 7), *range(len(whole) - 200, len(whole))]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert damage(path) is not None, place
    for size in range(0, len(whole), 41):
        path.write_bytes(whole[:size])
        assert damage(path) is not None, size


def test_the_newest_whole_one_is_taken_and_others_named(tmp_path, capfd):
    assert newest_good(tmp_path) is None
    for step in (1, 2, 3):
        write_checkpoint(checkpoint(step), tmp_path / f'iter_{step}.pth')
    newest = tmp_path / 'iter_3.pth'
    newest.write_bytes(newest.read_bytes()[:-300])
    assert newest_good(tmp_path) == tmp_path / 'iter_2.pth'
    for path in tmp_path.glob('*.pth'):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match='not one of the 3'):
        newest_good(tmp_path)


def test_a_full_disk_keeps_the_old_and_leaves_no_half(tmp_path):
    path = tmp_path / 'iter_1.pth'
    write_checkpoint(checkpoint(), path)
    old = path.read_bytes()
    writer = CheckpointWriter()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # the kernel refuses bytes beyond this, as a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, limit[1]))
        writer.submit(checkpoint(2), path)
        with pytest.raises(CheckpointError, match=r'too large.* raise the limit'):
            writer.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ['iter_1.pth']
    writer.wait()  # told once


def test_the_last_whole_one_is_never_deleted(tmp_path):
    hook = DigestCheckpointHook(out_dir=str(tmp_path), every_iters=1, keep_recent=1)
    hook._run = 7
    for step in (1, 2, 3, 6):
        write_checkpoint(checkpoint(step), tmp_path / f'iter_{step}.pth')
    for step in (3, 6):  # newer, by their labels, than what a resumed run writes
        path = tmp_path / f'iter_{step}.pth'
        spoilt = bytearray(path.read_bytes())
        spoilt[100] ^= 1
        path.write_bytes(spoilt)
    assert newest_good(tmp_path) == tmp_path / 'iter_2.pth'
    for step in (4, 5):
        path = tmp_path / f'iter_{step}.pth'
        write_checkpoint(checkpoint(step), path)
        hook._written(str(tmp_path), path.name)
        assert newest_good(tmp_path) == path
    assert sorted(p.name for p in tmp_path.glob('iter_*')) == [
        'iter_5.pth',
        'iter_6.pth',
    ]


def test_checkpoints_of_weights_alone_are_cleared_too(tmp_path):
    hook = DigestCheckpointHook(
        out_dir=str(tmp_path), max_keep_ckpts=2, save_optimizer=False
    )
    hook._run, hook.filename_tmpl = 7, 'epoch_{}.pth'
    for step in range(1, 6):
        path = tmp_path / f'epoch_{step}.pth'
        state = {**checkpoint(step), 'meta': {'iter': step, 'epoch': step, 'run': 7}}
        del state['optimizer']
        write_checkpoint(state, path)
        hook._written(str(tmp_path), path.name)
    kept = sorted(path.name for path in tmp_path.glob('*.pth'))
    assert kept == ['epoch_4.pth', 'epoch_5.pth']
    assert newest_good(tmp_path) is None  # no run goes on from them


MINUTES = """
import sys
sys.path.insert(0, 'tools/stress')
import small_configs as small
import comparing
import small_runs as runs
from cld_mm.engine.checkpoint import newest_good
from pathlib import Path
from types import SimpleNamespace
folder = Path(sys.argv[1])
data = small.digits(folder / 'data')

def half_a_minute_a_look():
    from itertools import count
    from cld_mm.engine.hooks import checkpoint
    clock = count(0, 30)
    checkpoint.time = SimpleNamespace(monotonic=lambda: next(clock), time_ns=lambda: 7)

where = folder / 'minutes'
make = lambda: small.config('moco', where, data, train_cfg__val_interval=10**6,
    default_hooks__checkpoint__interval=-1, default_hooks__checkpoint__every_iters=0,
    default_hooks__checkpoint__every_minutes=1.2,
    default_hooks__checkpoint__keep_recent=9, train_dataloader__batch_size=6)
leader = runs.spawn(make, where, prepare=half_a_minute_a_look)
assert runs.wait(leader, 60) == 0, (where / 'log.txt').read_text()[-2000:]
saved = sorted(int(path.stem[5:]) for path in where.glob('iter_*.pth'))
assert saved == [3, 6, 9, 12], saved

if len(sys.argv) > 2:
    small_disk, size = Path(sys.argv[2]), (where / 'iter_3.pth').stat().st_size
    import subprocess
    room = lambda files: subprocess.run(['mount', '-o',
        f'remount,size={int(size * files)}', 'tmpfs', str(small_disk)], check=True)
    room(3.5)
    make = lambda where: lambda: small.config('moco', where, data,
        default_hooks__checkpoint__keep_recent=9, train_dataloader__batch_size=6)
    whole, parts = folder / 'whole', folder / 'parts'
    assert runs.wait(runs.spawn(make(whole), whole), 60) == 0
    assert runs.wait(runs.spawn(make(small_disk), parts), 60) == 1
    log = (parts / 'log.txt').read_text()
    assert 'No space left on device' in log, log[-2000:]
    kept = newest_good(small_disk)
    assert kept is not None and not list(small_disk.glob('.*.part'))
    reached = max(comparing.losses(parts))
    assert reached < 12, reached
    room(30)
    leader = runs.spawn(make(small_disk), parts, resume=True)
    assert runs.wait(leader, 60) == 0, (parts / 'log.txt').read_text()[-2000:]
    for path in small_disk.glob('*.pth'):
        (parts / path.name).write_bytes(path.read_bytes())
    found = comparing.differences(whole, parts)
    assert not found, found
"""


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder on a disk of its own, or why there is none."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    try:
        done = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', str(folder)],
            capture_output=True,
            text=True,
        )
        reason = done.stderr.strip() if done.returncode else None
    except OSError as error:
        reason = str(error)
    yield folder, reason
    if reason is None:
        subprocess.run(['umount', '-l', str(folder)], check=True)


def test_minutes_and_a_disk_that_fills_up_in_training(tmp_path, tiny_disk):
    disk, no_disk = tiny_disk
    done = subprocess.run(
        [sys.executable, '-c', MINUTES, str(tmp_path), *([] if no_disk else [disk])],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    if no_disk:
        pytest.skip(f'saves by minutes hold; no small disk can be mounted: {no_disk}')


def test_a_long_script_that_is_stopped_leaves_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, SCRIPT, '--kills', '50'],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'TMPDIR': str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while not list(tmp_path.glob('*/run_0/*/started')) and time.monotonic() < end:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.glob('kill_resume_*')) == []


def test_the_copy_is_taken_at_once(tmp_path):
    state, writer = checkpoint(), CheckpointWriter()
    writer.submit(state, tmp_path / 'a.pth', then=lambda: 1 / 0)
    state['state_dict']['weight'].zero_()
    with pytest.raises(CheckpointError, match='ZeroDivisionError'):
        writer.wait()
    saved = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert torch.equal(saved['state_dict']['weight'], torch.arange(300.0) + 1)


STOP = """
import os, sys, time
sys.path.insert(0, 'tools/stress')
import small_configs as small
import comparing
import small_runs as runs
import torch
from pathlib import Path
folder = Path(sys.argv[1])
data = small.digits(folder / 'data')
for name, number, code in (('TERM', 15, 75), ('USR1', 10, 75), ('INT', 2, 130)):
    where = folder / name
    evaluated = where / 'evaluated'
    long = dict(train_cfg__val_interval=1, val_cfg__train_dataloader__batch_size=1,
        val_cfg__train_dataloader__dataset__indices=1200) if name == 'USR1' else {}
    make = lambda: small.config('moco', where, data, epochs=2000, workers=1,
        train_dataloader__batch_size=3, **long)
    leader = runs.spawn(make, where, ranks=2)
    end = time.time() + 60
    while not (evaluated.exists() if long else comparing.losses(where, 1)):
        assert time.time() < end, (where / 'log.txt').read_text()[-2000:]
        time.sleep(0.05)
    os.killpg(leader, number)
    if name == 'TERM':  # some schedulers send it twice
        os.killpg(leader, number)
    found = runs.wait(leader, 60)
    assert found == code, (name, found, (where / 'log.txt').read_text()[-2000:])
    done = max(comparing.losses(where))
    saved = where / f'iter_{done}.pth'
    assert saved.is_file(), (name, done, os.listdir(where))
    if long:  # not to its end, and what is saved says so
        assert len(evaluated.read_text()) < 1000
        assert done == 4
        assert not torch.load(saved, weights_only=True)['meta']['validated']

def stuck():
    from cld_mm.engine.checkpoint import writer
    writer.write_checkpoint = lambda *_: time.sleep(600)

where = folder / 'twice'
make = lambda: small.config('moco', where, data, epochs=2000,
    train_cfg__val_interval=10**6, default_hooks__checkpoint__interval=-1,
    default_hooks__checkpoint__every_iters=0, train_dataloader__batch_size=6)
leader = runs.spawn(make, where, prepare=stuck)
end = time.time() + 60
while not comparing.losses(where) and time.time() < end:
    time.sleep(0.05)
os.killpg(leader, 2)
time.sleep(2)
assert os.waitpid(leader, os.WNOHANG) == (0, 0), 'the first Ctrl-C waits for the save'
os.killpg(leader, 2)
assert runs.wait(leader, 60) == -2
"""


def test_signals_save_and_leave_with_their_code(tmp_path):
    done = subprocess.run(
        [sys.executable, '-c', STOP, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
