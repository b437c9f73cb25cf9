"""torchrun restarts a killed worker; then SIGTERM ends the run with code 75.

The result must equal that of an unbroken run.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from tools.stress import comparing, processes, small_configs, small_runs


def workers(config: Path) -> list[int]:
    """Process ids of the ranks that train with this config."""
    found = []
    for entry in Path('/proc').iterdir():
        try:
            words = (entry / 'cmdline').read_bytes().split(b'\0')
        except OSError:
            continue
        is_training = any(word.endswith(b'train.py') for word in words[1:4])
        if is_training and os.fsencode(config) in words:
            found.append(int(entry.name))
    return sorted(found)


def saved(work_dir: Path) -> int:
    steps = (int(path.stem[5:]) for path in work_dir.glob('iter_*.pth'))
    return max(steps, default=0)


def main(folder: Path) -> None:
    data, config = small_configs.digits(folder / 'data'), folder / 'config.py'
    whole, parts, log = folder / 'whole', folder / 'parts', folder / 'log.txt'

    def make(work_dir: Path) -> Callable[[], Config]:
        return lambda: small_configs.config(
            'moco',
            work_dir,
            data,
            epochs=10**5,
            train_dataloader__batch_size=3,
            train_cfg__val_interval=10**6,
            default_hooks__checkpoint__interval=-1,
            default_hooks__checkpoint__every_iters=5,
        )

    def until(condition: Callable[[], bool], seconds: float = 150) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert run.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.05)

    make(parts)().dump(config)
    run = subprocess.Popen(
        ['bash', 'tools/dist_train.sh', str(config), '2'],
        env={
            **os.environ,
            'PYTHON': sys.executable,
            'MAX_RESTARTS': '1',
            'PORT': str(processes.free_port()),
        },
        stdout=log.open('w'),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        until(lambda: saved(parts) >= 5)
        first = workers(config)
        assert len(first) == 2, first
        os.kill(first[-1], signal.SIGKILL)
        at = saved(parts)
        until(lambda: saved(parts) > at + 10 and not set(first) & set(workers(config)))
        assert len(workers(config)) == 2
        run.send_signal(signal.SIGTERM)
        code = run.wait(90)
        assert code == 75, (code, log.read_text()[-3000:])
        assert 'Traceback' not in log.read_text(), log.read_text()[-3000:]
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        for rank in workers(config):
            os.kill(rank, signal.SIGKILL)
    kill = small_runs.Kill('stop', saved(parts))
    leader = small_runs.spawn(make(whole), whole, ranks=2, kill=kill)
    assert small_runs.wait(leader) == 75, (whole / 'log.txt').read_text()[-3000:]
    found = comparing.differences(whole, parts, ranks=0)
    assert not found, found[:5]


if __name__ == '__main__':
    main(Path(sys.argv[1]))
