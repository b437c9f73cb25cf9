"""Checkpoints and configs of finished and running trainings."""

from pathlib import Path


def find_checkpoint(path: str | Path) -> Path:
    """A checkpoint file, or the newest undamaged one in the folder of a run.

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise FileNotFoundError(f'the checkpoint {path} does not exist.')
    from cld_mm.engine.checkpoint import newest_good

    newest = newest_good(path)
    if newest is None:
        raise FileNotFoundError(f'{path} holds no checkpoint of a training run.')
    return newest
