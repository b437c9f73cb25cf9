"""Where released checkpoints keep networks and memory, read and written."""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from cld_mm.fileio.inert_pickle import buffer_of

from .cld_release_layouts import INFOMIN, MOCO_CIFAR, MOCOV2, NPID_CIFAR, Layout

MOMENTUM = 'momentum_encoder.'
LINEAR_AVERAGE = 'lib.LinearAverage.LinearAverage'
RECIPE = (0.1, 0.5)  # temperature and bank momentum of the CIFAR recipes


def read_release(
    checkpoint: dict[str, Any],
) -> tuple[Layout, dict[str, dict[str, Tensor]], Tensor | None, Tensor | None]:
    """Layout, the networks' keys by our prefix, memory as rows, write position."""
    if 'state_dict' in checkpoint:
        keys = checkpoint['state_dict']
        plain = {key.removeprefix('module.'): value for key, value in keys.items()}
        prefix = 'module.' if all(key.startswith('module.') for key in keys) else ''
        networks = {
            ours: {
                prefix + key.removeprefix(theirs): value
                for key, value in plain.items()
                if key.startswith(theirs)
            }
            for ours, theirs in (('', 'encoder_q.'), (MOMENTUM, 'encoder_k.'))
        }
        if networks['']:
            known = ('encoder_q.', 'encoder_k.')
            rest = {k: v for k, v in plain.items() if not k.startswith(known)}
            queue, pointer = rest.pop('queue', None), rest.pop('queue_ptr', None)
            networks[''] |= {prefix + key: value for key, value in rest.items()}
            memory = None if queue is None else queue.t().contiguous()
            return MOCOV2, networks, memory, pointer
    if 'net' in checkpoint:
        memory = buffer_of(checkpoint.get('lemniscate'), 'memory')
        return NPID_CIFAR, {'': dict(checkpoint['net'])}, memory, None
    if 'model' in checkpoint:
        networks = {
            '': dict(checkpoint['model']),
            MOMENTUM: dict(checkpoint.get('model_ema') or {}),
        }
        memory = buffer_of(checkpoint.get('contrast'), 'memory')
        keys = {key.removeprefix('module.') for key in networks['']}
        is_infomin = any(key.startswith('encoder.') for key in keys)
        return (INFOMIN if is_infomin else MOCO_CIFAR), networks, memory, None
    raise ValueError(
        f'the checkpoint holds {sorted(map(str, checkpoint))[:8]}, but a released one '
        'holds state_dict with encoder_q.*, or model and model_ema, or net and '
        'lemniscate: give one of these.'
    )


def write_release(
    layout: Layout,
    networks: dict[str, dict[str, Tensor]],
    memory: Tensor | None,
    pointer: Tensor | None,
    source: dict[str, Any],
    prefix: str,
    unused: dict[str, Tensor],
) -> dict[str, Any]:
    """The checkpoint that a release of this layout would have written."""
    extra: dict[str, Any] = {
        name: source[name] for name in ('epoch', 'arch') if name in source
    }
    if layout is MOCOV2:
        state: dict[str, Tensor] = {}
        for start, theirs in (('', 'encoder_q.'), (MOMENTUM, 'encoder_k.')):
            state |= {
                prefix + theirs + key.removeprefix(prefix): value
                for key, value in networks[start].items()
            }
        if memory is not None:
            state[f'{prefix}queue'] = memory.t().contiguous()
        if pointer is not None:
            state[f'{prefix}queue_ptr'] = pointer
        return {**extra, 'state_dict': state}
    if layout is NPID_CIFAR:
        lemniscate = None
        if memory is not None:
            name = source.get('lemniscate', LINEAR_AVERAGE)
            lemniscate = linear_average(memory, unused.get('lemniscate.params'), name)
        return {**extra, 'net': networks[''], 'lemniscate': lemniscate}
    contrast = {} if memory is None else {'memory': memory}
    if layout is MOCO_CIFAR:
        contrast['params'] = torch.tensor([-1])
    if 'contrast.params' in unused:
        contrast['params'] = unused['contrast.params']
    return {
        **extra,
        'model': networks[''],
        'model_ema': networks[MOMENTUM],
        'contrast': contrast,
    }


def linear_average(
    memory: Tensor, params: Tensor | None = None, name: str = LINEAR_AVERAGE
) -> nn.Module:
    """NPID's memory as the module object that the release pickles.

    Its training script resumes from ``checkpoint['lemniscate']`` itself, so a state
    dict in its place would not do. The class is the release's; it exists only while a
    file is written, and pickle stores no more of it than its name.

    Args:
        memory: ``(n, C)``.
        params: temperature and momentum; by default the recipes'.
        name: full name of its class.
    """
    module, _, last = name.rpartition('.')
    made = type(last, (nn.Module,), {'__module__': module})()
    made.register_buffer('params', torch.tensor(RECIPE) if params is None else params)
    made.register_buffer('memory', memory)
    made.nLem = len(memory)
    return made


@contextmanager
def importable(found: object) -> Iterator[None]:
    """Let pickle find the class of such a module, for as long as a file is written."""
    kind = type(found)
    if not isinstance(found, nn.Module) or kind.__module__ in sys.modules:
        yield
        return
    parts = kind.__module__.split('.')
    names = ['.'.join(parts[: count + 1]) for count in range(len(parts))]
    added = [name for name in names if name not in sys.modules]
    sys.modules.update({name: types.ModuleType(name) for name in added})
    setattr(sys.modules[kind.__module__], kind.__name__, kind)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]
