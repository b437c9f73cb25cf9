"""A run whose disk fills up ends, keeps a good checkpoint, and resumes bit-exactly.

Arguments: a folder, and the mount point of a tmpfs of its own.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from cld_mm.engine.checkpoint import newest_good
from tools.stress import comparing, small_configs, small_runs


def main(folder: Path, disk: Path) -> None:
    data = small_configs.digits(folder / 'data')
    whole, parts = folder / 'whole', folder / 'parts'

    def run(work_dir: Path) -> Callable[[], Config]:
        return lambda: small_configs.config(
            'moco',
            work_dir,
            data,
            default_hooks__checkpoint__keep_recent=9,
            train_dataloader__batch_size=6,
        )

    def resize(checkpoints: float) -> None:
        size = int(checkpoints * next(whole.glob('iter_*.pth')).stat().st_size)
        command = ['mount', '-o', f'remount,size={size}', 'tmpfs', str(disk)]
        subprocess.run(command, check=True)

    assert small_runs.wait(small_runs.spawn(run(whole), whole), 60) == 0
    resize(3.5)
    assert small_runs.wait(small_runs.spawn(run(disk), parts), 60) == 1
    log = (parts / 'log.txt').read_text()
    assert 'No space left on device' in log, log[-2000:]
    assert newest_good(disk) is not None
    assert not list(disk.glob('.*.part'))
    reached = max(comparing.losses(parts))
    assert reached < 12, reached
    resize(30)
    leader = small_runs.spawn(run(disk), parts, resume=True)
    assert small_runs.wait(leader, 60) == 0, (parts / 'log.txt').read_text()[-2000:]
    for path in disk.glob('*.pth'):
        (parts / path.name).write_bytes(path.read_bytes())
    found = comparing.differences(whole, parts)
    assert not found, found


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
