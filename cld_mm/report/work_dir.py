"""Files of a training run's work dir: the dumped config and the checkpoints."""

from pathlib import Path


def config_file(work_dir: Path) -> Path:
    """The config that the newest run of a work dir dumped.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(work_dir.glob('*/vis_data/config.py')) or sorted(
        work_dir.glob('*.py')
    )
    if not found:
        raise FileNotFoundError(
            f'{work_dir} has no dumped config: give the work dir of a training run.'
        )
    return found[-1]


def checkpoints_of(work_dir: Path) -> dict[int, Path]:
    """Checkpoints of a work dir by epoch, or else by iteration."""
    for kind in ('epoch', 'iter'):
        found = {
            int(path.stem.split('_')[1]): path
            for path in work_dir.glob(f'{kind}_*.pth')
            if path.stem.split('_')[1].isdigit()
        }
        if found:
            return dict(sorted(found.items()))
    return {}
