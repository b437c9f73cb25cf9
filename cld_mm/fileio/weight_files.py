"""Files that hold weights: of torch, of safetensors, and folders of Hugging Face."""

from pathlib import Path
from typing import Any

from .checkpoint_loading import OtherObjects, load_safely
from .inert_pickle import load_tensors

IN_FOLDER = ('model.safetensors', 'pytorch_model.bin')


def read_weights(path: str | Path) -> dict[str, Any]:
    """What a file or folder of weights holds; no object in it is executed.

    Checkpoints that also hold other objects (DINO's arguments, Lightning's callbacks)
    give their tensors.

    Args:
        path: ``.safetensors``, a checkpoint of torch, or a Hugging Face folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be read.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        found = [path / name for name in IN_FOLDER if (path / name).is_file()]
        if not found:
            raise FileNotFoundError(
                f'{path} has no weights: expected {" or ".join(IN_FOLDER)}.'
            )
        path = found[0]
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    try:
        return load_safely(path)
    except OtherObjects:
        loaded = load_tensors(path)
    if not isinstance(loaded, dict):
        raise ValueError(f'{path} does not hold the dict of a checkpoint.')
    return loaded


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise FileNotFoundError(f'the checkpoint {path} does not exist.')
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f'{path} is not a safetensors file: {error}.') from error
