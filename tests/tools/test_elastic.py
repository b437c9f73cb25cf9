"""torchrun: a killed worker, then SIGTERM; it carries on and loses nothing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ELASTIC = """
import os, signal, subprocess, sys, time
sys.path.insert(0, 'tools/stress')
import small_configs as small
import comparing
import small_runs as runs
from pathlib import Path
folder = Path(sys.argv[1])
data, whole, parts = small.digits(folder / 'data'), folder / 'whole', folder / 'parts'
make = lambda where: lambda: small.config('moco', where, data, epochs=10**5,
    train_dataloader__batch_size=3, train_cfg__val_interval=10**6,
    default_hooks__checkpoint__interval=-1, default_hooks__checkpoint__every_iters=5)
make(parts)().dump(folder / 'config.py')

def workers():
    found = []
    for entry in Path('/proc').iterdir():
        try:
            words = (entry / 'cmdline').read_bytes().split(b'\\0')
        except OSError:
            continue
        train = any(word.endswith(b'train.py') for word in words[1:4])
        if train and os.fsencode(folder / 'config.py') in words:
            found.append(int(entry.name))
    return sorted(found)

def saved():
    return max((int(p.stem[5:]) for p in parts.glob('iter_*.pth')), default=0)

def until(what, seconds=150):
    end = time.monotonic() + seconds
    while not what():
        assert run.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.05)

log = folder / 'log.txt'
run = subprocess.Popen(
    ['bash', 'tools/dist_train.sh', str(folder / 'config.py'), '2'],
    env={**os.environ, 'PYTHON': sys.executable, 'MAX_RESTARTS': '1',
         'PORT': str(runs._free_port())},
    stdout=log.open('w'), stderr=subprocess.STDOUT, start_new_session=True)
try:
    until(lambda: saved() >= 5)
    first = workers()
    assert len(first) == 2, first
    os.kill(first[-1], signal.SIGKILL)
    at = saved()
    until(lambda: saved() > at + 10 and not set(first) & set(workers()))
    assert len(workers()) == 2
    run.send_signal(signal.SIGTERM)
    code = run.wait(90)
    assert code == 75, (code, log.read_text()[-3000:])
    assert 'Traceback' not in log.read_text(), log.read_text()[-3000:]
finally:
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    for rank in workers():
        os.kill(rank, signal.SIGKILL)
end = saved()
leader = runs.spawn(make(whole), whole, ranks=2, kill=runs.Kill('stop', end))
assert runs.wait(leader) == 75, (whole / 'log.txt').read_text()[-3000:]
found = comparing.differences(whole, parts, ranks=0)
assert not found, found[:5]
"""


def test_a_killed_worker_restarts_and_sigterm_asks_for_a_requeue(tmp_path):
    done = subprocess.run(
        [sys.executable, '-c', ELASTIC, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-4000:]
