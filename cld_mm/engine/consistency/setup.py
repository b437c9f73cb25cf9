"""Check before training that all ranks were started alike."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object

import cld_mm
from cld_mm.fileio.environment import versions
from cld_mm.fileio.short_text import shorten

# Each rank's own by design.
OWN_SETTINGS = ('model_wrapper_cfg.device_ids',)
SHOWN = 3


class RankMismatch(ValueError):
    """Two ranks differ; the message names rank and difference."""


def check_same(what: str, own: Mapping[str, Any], advice: str) -> None:
    """Raise if another rank's values differ from rank 0's; all ranks call it.

    Args:
        what: what they are, for the message ('config').
        own: this rank's values by name; compared by their ``repr``.
        advice: how to fix it.

    Raises:
        RankMismatch: on every rank, naming the first rank that differs.
    """
    texts = {name: _stable(value) for name, value in own.items()}
    everything: list = all_gather_object(texts)
    reference = everything[0]
    for rank, values in enumerate(everything):
        names = sorted(
            name
            for name in reference.keys() | values.keys()
            if reference.get(name) != values.get(name)
        )
        if names:
            text = _difference(what, rank, names, values, reference, advice)
            raise RankMismatch(text)


def _difference(
    what: str, rank: int, names: list[str], values: dict, reference: dict, advice: str
) -> str:
    listed = ', '.join(
        f'{name} is {shorten(values.get(name, "not set"), 60)} instead of '
        f'{shorten(reference.get(name, "not set"), 60)}'
        for name in names[:SHOWN]
    )
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return f'rank {rank} differs from rank 0 in the {what}: {listed}{more}; {advice}'


def _stable(value: Any) -> str:
    # A function's repr ends in its address, which no two processes share.
    return re.sub(r' at 0x[0-9a-f]+', '', repr(value))


def flatten(node: Any, path: str = '') -> dict[str, Any]:
    """Leaves of nested dicts and lists, by dotted path."""
    if isinstance(node, Mapping):
        items = [(f'{path}.{key}' if path else str(key), node[key]) for key in node]
    elif isinstance(node, (list, tuple)):
        items = [(f'{path}[{place}]', value) for place, value in enumerate(node)]
    else:
        return {path: node}
    if not items:
        return {path: node}
    return {
        name: leaf for key, value in items for name, leaf in flatten(value, key).items()
    }


def restarted() -> bool:
    """Whether torchrun or Slurm has started this rank again."""
    counts = ('TORCHELASTIC_RESTART_COUNT', 'SLURM_RESTART_COUNT')
    return any(int(os.environ.get(name) or 0) for name in counts)


def resume_together(cfg: Config) -> None:
    """Let all ranks resume from the newest checkpoint if one was restarted.

    Only the node whose rank failed counts a restart, but all ranks were started again.
    All ranks call it.
    """
    again: list = all_gather_object(restarted())
    if any(again):
        cfg.resume, cfg.load_from = True, None


def check_same_setup(cfg: Config) -> None:
    """Compare versions, this package's code and the config over all ranks.

    Raises:
        RankMismatch: they differ.
    """
    code = {'CUDA': torch.version.cuda, 'code of cld_mm': _code_digest()}
    check_same(
        'installed versions',
        {**versions(), **code},
        'install the same environment on every machine.',
    )
    settings = flatten(cfg.to_dict())
    check_same(
        'config',
        {k: v for k, v in settings.items() if not k.startswith(OWN_SETTINGS)},
        'start every rank with the same config, flags and paths.',
    )


def _code_digest() -> str:
    digest = hashlib.blake2b(digest_size=6)
    root = Path(cld_mm.__file__).parent
    for path in sorted(root.rglob('*.py')):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
