"""A training step, kept and written to a file that can repeat it.

The file loads with ``weights_only=True``: tensors, numbers, texts, lists and dicts; the
config is JSON.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from cld_mm.datasets.samplers.seeded_sampler import SeededIndex
from cld_mm.distributed.sharded_tensors import joined
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.checkpoint.bank_rows import sharded_bank
from cld_mm.engine.random_states import random_states
from cld_mm.fileio.checkpoint_loading import load_safely
from cld_mm.fileio.image_decoding import printable
from cld_mm.fileio.json_values import replace_non_finite
from cld_mm.models.memories import memories

VERSION = 1
_SAMPLE, _INDEX = '(data sample)', '(seeded index)'


class StepCapture:
    """The batch, the random states and what the step overwrites in memories.

    Args:
        model: the algorithm.
    """

    def __init__(self, model: nn.Module) -> None:
        self.memories = list(memories(model).values())

    def begin(self, batch: Any) -> None:
        """A step begins with this batch."""
        self.batch, self.random = batch, random_states()
        for memory in self.memories:
            memory.start_recording()

    def write(self, runner: Any, summary: dict[str, Any]) -> str:
        """Write the dump of this rank; all ranks call it.

        Args:
            runner: the runner.
            summary: rank, iteration, loss parts, and the like.

        Returns:
            What became of it, as part of a sentence.
        """
        for memory in self.memories:
            memory.undo()
        model = unwrap_model(runner.model)
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        bank = sharded_bank(model)  # its rows are not in the state dict
        rows = bank and {'start': bank.start, 'rows': to_plain(bank.features)}
        state = {
            'config': json.dumps(runner.cfg.to_dict(), default=str),
            'model': to_plain(model.state_dict()),
            'bank': rows,
            'batch': to_plain(self.batch),
            'random': self.random,
            'scaler': scaler.state_dict() if scaler is not None else {},
        }
        folder = dump_folder(runner.work_dir, summary['iteration'])
        path = folder / f'rank_{summary["rank"]}.pth'
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save({'version': VERSION, **summary, **state}, path)
        except OSError as error:
            return f'the step could not be written ({error})'
        write_summary(runner.work_dir, summary)
        return (
            f'repeat the step with python tools/analysis_tools/replay_step.py {folder}'
        )


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
    text = json.dumps(replace_non_finite(summary, as_text=True), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'rank_{summary["rank"]}.json').write_text(text + '\n')
    except OSError as error:
        return f'details could not be written ({error})'
    return (
        f'details are in {folder} (add --capture-steps to train.py to get a dump that '
        'repeats the step)'
    )


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
