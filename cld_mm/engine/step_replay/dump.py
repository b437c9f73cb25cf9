"""A training step in a file: what is needed to repeat it, and nothing that runs.

Loads with ``weights_only=True``: tensors, numbers, texts, lists and dicts; the config
is JSON.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from mmpretrain.structures import DataSample
from torch import Tensor

from cld_mm.datasets.samplers.seeded_sampler import SeededIndex
from cld_mm.distributed.sharded_tensors import joined
from cld_mm.fileio.checkpoint_loading import load_safely
from cld_mm.fileio.image_decoding import printable
from cld_mm.fileio.json_values import replace_non_finite

VERSION = 1
_SAMPLE, _INDEX = '(data sample)', '(seeded index)'


def to_plain(value: Any) -> Any:
    """A batch as tensors, numbers, texts, lists and dicts; the rest as its repr.

    All ranks call it where weights are split over them.
    """
    if isinstance(value, Tensor):
        return joined(value).detach().cpu().clone()
    if isinstance(value, np.ndarray) and value.dtype != object:
        return torch.from_numpy(value.copy())
    if isinstance(value, BaseDataElement):
        fields = {key: to_plain(item) for key, item in value.items()}
        metainfo = {key: to_plain(item) for key, item in value.metainfo_items()}
        return {_SAMPLE: metainfo, 'fields': fields}
    if isinstance(value, SeededIndex):
        return {_INDEX: [int(value), value.seed]}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    return repr(value)


def from_plain(value: Any) -> Any:
    """The batch that :func:`to_plain` made plain."""
    if isinstance(value, dict):
        if _INDEX in value:
            return SeededIndex(*value[_INDEX])
        if _SAMPLE not in value:
            return {key: from_plain(item) for key, item in value.items()}
        sample = DataSample(metainfo=from_plain(value[_SAMPLE]))
        for key, item in value['fields'].items():
            sample.set_field(from_plain(item), key)
        return sample
    return [from_plain(item) for item in value] if isinstance(value, list) else value


def image_names(samples: Iterable[Any]) -> list[str]:
    """Printable path of each data sample's image, or its index where it has no file."""
    names = []
    for sample in samples:
        path = sample.get('img_path')
        index = sample.get('sample_idx')
        name = 'unnamed image' if index is None else f'image {int(index)}'
        names.append(printable(path) if path else name)
    return names


def dump_folder(work_dir: str, iteration: int) -> Path:
    """Where the dumps and summaries of an iteration are written."""
    return Path(work_dir) / 'non_finite' / f'iter_{iteration}'


def write_summary(work_dir: str, summary: dict[str, Any]) -> str:
    """Write rank, loss parts, gradients and images as JSON; say where."""
    folder = dump_folder(work_dir, summary['iteration'])
    try:
        _write_json(folder / f'rank_{summary["rank"]}.json', summary)
    except OSError as error:
        return f'details could not be written ({error})'
    return (
        f'details are in {folder} (add --capture-steps to train.py to get a dump that '
        'repeats the step)'
    )


def write_dump(path: Path, dump: dict[str, Any]) -> None:
    """Write a dump, and beside it the readable part of it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'version': VERSION, **dump}, path)
    keys = ('rank', 'world_size', 'iteration', 'epoch', 'parts', 'gradients', 'images')
    _write_json(path.with_suffix('.json'), {key: dump[key] for key in keys})


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    readable = replace_non_finite(values, as_text=True)
    path.write_text(json.dumps(readable, indent=2) + '\n')


def read_dump(path: str | Path) -> dict[str, Any]:
    """Read a dump.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a dump of a step.
    """
    dump = load_safely(path)
    if dump.get('version') != VERSION or 'batch' not in dump:
        raise ValueError(
            f'{path} is not a dump of a step (version {VERSION}); give a file that '
            'train.py --capture-steps wrote to WORK_DIR/non_finite.'
        )
    return dump
