"""Checkpoints of the CLD release to this project's, and back."""

from typing import Any

import torch
from torch import Tensor

from cld_mm.fileio.inert_pickle import Inert, buffer_of

from .cld_release_files import MOMENTUM, read_release, write_release
from .cld_release_layouts import (
    INFOMIN,
    LAYOUTS,
    MOCO_CIFAR,
    MOCOV2,
    NPID_CIFAR,
    Layout,
    missing_keys,
    network_to_ours,
    network_to_theirs,
    to_ours,
)


def convert(
    checkpoint: dict[str, Any], allow_unknown: bool = False, allow_missing: bool = False
) -> dict[str, Any]:
    """A released checkpoint as one of this project's.

    Args:
        checkpoint: as :func:`cld_mm.fileio.inert_pickle.load_tensors` returns it.
        allow_unknown: leave keys out that no layout knows.
        allow_missing: continue where keys are missing.

    Returns:
        ``meta``, ``state_dict``, and ``unused``: tensors that this project has no
        place for, kept for the way back.

    Raises:
        ValueError: it is none of the four layouts, or keys are unknown or missing and
            not allowed to be; they are listed.
    """
    layout, networks, memory, pointer = read_release(checkpoint)
    prefix = 'module.' if all(k.startswith('module.') for k in networks['']) else ''
    state: dict[str, Tensor] = {}
    unused: dict[str, Tensor] = {}
    unknown: list[str] = []
    missing: list[str] = []
    for start, weights in networks.items():
        network, strange = network_to_ours(weights, layout)
        unknown += [f'{start or "network: "}{key}' for key in strange]
        own = {
            key: value
            for key, value in network.items()
            if not (start and key.startswith('jigsaw.'))
        }
        # The averaged jigsaw head is never used, neither there nor here.
        unused |= {start + key: network[key] for key in network.keys() - own.keys()}
        lacking = missing_keys(network, layout)
        # Both encoders have the same layers.
        twin = {to_ours(k.removeprefix('module.'), layout) for k in networks['']}
        lacking += [k for k in twin if k and k not in network and k not in lacking]
        missing += sorted(start + key for key in lacking)
        state |= {start + key: value for key, value in own.items()}
    _add_memory(state, missing, layout, memory, pointer)
    _report(unknown, 'no layout of the release knows', allow_unknown, 'allow-unknown')
    _report(missing, 'are missing', allow_missing, 'allow-missing')
    source = {'layout': layout.name, 'prefix': prefix}
    average = networks.get(MOMENTUM) or ()
    if average and all(key.startswith('module.') for key in average):
        source['ema_prefix'] = 'module.'
    for name in ('contrast', 'lemniscate'):
        params = buffer_of(checkpoint.get(name), 'params')
        if params is not None:
            unused[f'{name}.params'] = params
    if isinstance(checkpoint.get('lemniscate'), Inert):
        source['lemniscate'] = checkpoint['lemniscate'].inert_name
    for name in ('epoch', 'arch'):
        if isinstance(checkpoint.get(name), (int, str)):
            source[name] = checkpoint[name]
    return {'meta': {'source': source}, 'state_dict': state, 'unused': unused}


def revert(
    checkpoint: dict[str, Any], allow_unknown: bool = False, allow_missing: bool = False
) -> dict[str, Any]:
    """A checkpoint of this project's in the release's layout.

    Args:
        checkpoint: with a ``state_dict`` of MoCo, InfoMin or NPID with CLD.
        allow_unknown: leave keys out that the layout has no name for.
        allow_missing: continue where keys are missing.

    Raises:
        ValueError: as in :func:`convert`.
    """
    state = dict(checkpoint.get('state_dict', checkpoint))
    meta = checkpoint.get('meta') or {}
    source = {'epoch': int(meta.get('epoch') or 0), **(meta.get('source') or {})}
    layout = LAYOUTS.get(source.get('layout', '')) or _layout_of(state)
    prefix = source.get('prefix', 'module.')
    # The averaged model is never wrapped in DistributedDataParallel.
    ema_prefix = prefix if layout is MOCOV2 else source.get('ema_prefix', '')
    unused = checkpoint.get('unused') or {}
    unknown: list[str] = []
    missing: list[str] = []
    networks: dict[str, dict[str, Tensor]] = {}
    memory_keys = ('queue.features', 'queue.pointer', 'bank.features', 'log_normalizer')
    for start in ('',) if layout is NPID_CIFAR else ('', MOMENTUM):
        own = {
            key.removeprefix(start): value
            for key, value in state.items()
            if key.startswith(start)
            and key not in memory_keys
            and not (not start and key.startswith(MOMENTUM))
        }
        if start:
            # Never trained; where it was not kept, the online one is used.
            own |= {
                key: unused.get(start + key, value)
                for key, value in state.items()
                if key.startswith('jigsaw.')
            }
        networks[start], strange = network_to_theirs(
            own, layout, ema_prefix if start else prefix
        )
        unknown += [start + key for key in strange]
        missing += [start + key for key in missing_keys(own, layout)]
    memory = state.get('queue.features', state.get('bank.features'))
    if memory is None:
        missing.append('queue.features or bank.features')
    else:
        memory = memory.float()  # kept in half precision by choice, never released so
    _report(
        unknown, "the release's layout has no name for", allow_unknown, 'allow-unknown'
    )
    _report(missing, 'are missing', allow_missing, 'allow-missing')
    pointer = state.get('queue.pointer')
    return write_release(layout, networks, memory, pointer, source, prefix, unused)


def _add_memory(
    state: dict[str, Tensor],
    missing: list[str],
    layout: Layout,
    memory: Tensor | None,
    pointer: Tensor | None,
) -> None:
    name = 'bank.features' if layout is NPID_CIFAR else 'queue.features'
    if memory is None:
        missing.append(name)
    else:
        state[name] = memory
    if layout is NPID_CIFAR:
        state['log_normalizer'] = torch.tensor(float('nan'))
        return
    # Only MoCo v2's files tell where the next key goes.
    start = torch.zeros(1, dtype=torch.long)
    state['queue.pointer'] = start if pointer is None else pointer.long().reshape(1)


def _layout_of(state: dict[str, Tensor]) -> Layout:
    if 'bank.features' in state:
        return NPID_CIFAR
    if any(key.startswith('jigsaw.') for key in state):
        return INFOMIN
    # The CIFAR networks have no hidden layer before their projections.
    return MOCOV2 if 'neck.trunk.0.weight' in state else MOCO_CIFAR


def _report(keys: list[str], what: str, allowed: bool, flag: str) -> None:
    if keys and not allowed:
        shown = ', '.join(keys)
        raise ValueError(
            f'{len(keys)} keys {what}: {shown}; check the file, or allow it with '
            f'--{flag}.'
        )
