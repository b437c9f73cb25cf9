"""State that differs between ranks: random states, buffers, unfinished accumulation.

A checkpoint's ``ranks`` is a list with an entry for each rank:

- ``random``: states of Python's, numpy's, torch's and the device's generators;
- ``buffers``: the model's buffers that differ from rank 0's in ``state_dict``
  (BatchNorm statistics where buffers are not broadcast, a rank's part of a memory);
- ``gradients``: of parameters, in an unfinished accumulation over several batches.
"""

import hashlib
import logging
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, get_rank, get_world_size
from mmengine.logging import print_log
from torch import Tensor, nn
from torch import distributed as dist

from cld_mm.distributed.sharded_tensors import is_split, own_part
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.random_states import random_states, set_random_states


def gather_rank_states(
    runner: Any, random: dict[str, Any] | None = None
) -> list[dict[str, Any]] | None:
    """Every rank's own state, on rank 0; None on the others. All ranks call it.

    Args:
        runner: the runner.
        random: this rank's random states, if not those of now.
    """
    own = {
        'random': random or random_states(),
        'buffers': _own_buffers(unwrap_model(runner.model)),
        'gradients': _unfinished_gradients(runner),
    }
    if get_world_size() == 1:
        return [own]
    gathered: list | None = [None] * get_world_size() if get_rank() == 0 else None
    dist.gather_object(own, gathered, dst=0)
    return gathered


def restore_rank_state(runner: Any, ranks: list[dict[str, Any]]) -> None:
    """Restore this rank's own state; the last thing before training continues.

    If the number of ranks has changed there is nothing to restore, and a warning says
    that the run is not bit-exact.
    """
    if len(ranks) != get_world_size():
        print_log(
            f'the checkpoint is of {len(ranks)} rank(s) and this run has '
            f'{get_world_size()}: it continues, but not bit-exact, because random '
            'states and some buffers belong to ranks.',
            'current',
            level=logging.WARNING,
        )
        return
    own, model = ranks[get_rank()], unwrap_model(runner.model)
    buffers, parameters = dict(model.named_buffers()), dict(model.named_parameters())
    with torch.no_grad():
        for name, value in own['buffers'].items():
            buffers[name].copy_(value)
    for name, value in own['gradients'].items():
        _set_gradient(parameters[name], value)
    set_random_states(own['random'])


def _own_buffers(model: nn.Module) -> dict[str, Tensor]:
    if get_world_size() == 1:
        return {}
    saved = model.state_dict()
    buffers = {n: b for n, b in model.named_buffers() if n in saved}
    digests = {name: _digest(value) for name, value in buffers.items()}
    first = [digests]
    broadcast_object_list(first, src=0)
    return {
        name: buffers[name].detach().cpu()
        for name, digest in digests.items()
        if first[0].get(name) != digest
    }


def _digest(value: Tensor) -> bytes:
    plain = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(plain.numpy().data).digest()


def _unfinished_gradients(runner: Any) -> dict[str, Tensor]:
    wrapper = runner.optim_wrapper
    # After a step of the optimizer, gradients are None or zero.
    if not hasattr(wrapper, 'should_update') or wrapper.should_update():
        return {}
    return {
        name: own_part(parameter.grad.detach()).cpu()
        for name, parameter in unwrap_model(runner.model).named_parameters()
        if parameter.grad is not None
    }


def _set_gradient(parameter: Tensor, value: Tensor) -> None:
    value = value.to(parameter.device, copy=True)
    if is_split(parameter):
        gradient: Any = torch.zeros_like(parameter)
        gradient.to_local().copy_(value)
        value = gradient
    parameter.grad = value
