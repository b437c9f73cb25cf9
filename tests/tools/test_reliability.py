"""Faults done for real: kills, flipped bytes, cut files, a full disk, signals."""

import json
import os
import resource
import signal
import subprocess
import sys
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

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = 'tools/stress/kill_resume.py'
KILLS = [SCRIPT, '--kills', '2', '--seed', '3', '--cases', 'infomin', 'linear']


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
        with pytest.raises(CheckpointError, match='make room and go on'):
            writer.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ['iter_1.pth']
    writer.wait()  # told once


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
import small_runs as runs
from pathlib import Path
folder = Path(sys.argv[1])
data = runs.digits(folder / 'data')
for name, number, code in (('TERM', 15, 75), ('USR1', 10, 75), ('INT', 2, 130)):
    where = folder / name
    make = lambda: runs.config('moco', where, data, epochs=2000, workers=1,
        train_dataloader__batch_size=3)
    leader = runs.spawn(make, where, ranks=2)
    end = time.time() + 60
    while not runs.losses(where, 1) and time.time() < end:
        time.sleep(0.05)
    os.killpg(leader, number)
    found = runs.wait(leader, 60)
    assert found == code, (name, found, (where / 'log.txt').read_text()[-2000:])
    done = max(runs.losses(where))
    assert (where / f'iter_{done}.pth').is_file(), (name, done, os.listdir(where))
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
