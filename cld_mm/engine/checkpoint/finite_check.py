"""No checkpoint of a model that is spoilt: later ones would push the good ones out."""

from typing import Any

import torch
from mmengine.dist import all_gather_object
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from cld_mm.distributed.sharded_tensors import is_split
from cld_mm.models.memories import AssignmentQueue, FeatureQueue, MemoryBank

KINDS = (_NormBase, AssignmentQueue, FeatureQueue, MemoryBank)
NAMES = ('running_mean', 'running_var', 'features', 'rows')


def check_finite(model: nn.Module, iteration: int, work_dir: str) -> None:
    """Look at weights and buffers before they are saved; all ranks call it.

    A step that is not finite is stopped before it changes a weight, but BatchNorm's
    running statistics change in the forward pass, and nothing in training reads them.
    Other buffers may hold NaN or infinity: a bank's normaliser is NaN until it has been
    estimated, and masks are minus infinity.

    Raises:
        FloatingPointError: on every rank, naming the first tensor and its rank.
    """
    everyone: list = all_gather_object(_first_spoilt(model))
    for rank, name in enumerate(everyone):
        if name is not None:
            raise FloatingPointError(
                f'{name} of rank {rank} is not finite after iteration {iteration}, so '
                f'nothing is saved: the last checkpoint in {work_dir} is from before; '
                'look for images or settings that give huge activations, lower the '
                'learning rate, and go on with --resume.'
            )


@torch.no_grad()
def _first_spoilt(model: nn.Module) -> str | None:
    named = {f'the weight {name}': _own(p) for name, p in model.named_parameters()}
    for name, module in model.named_modules():
        if isinstance(module, KINDS):
            named |= {
                f'the buffer {name}.{key}'.replace(' .', ' '): _own(rows)
                for key in NAMES  # not only buffers: a sharded bank's rows are none
                if isinstance(rows := getattr(module, key, None), Tensor)
            }
    named = {
        name: value
        for name, value in named.items()
        if value.is_floating_point() and value.numel()
    }
    if not named:
        return None
    # The largest entry of each, without a copy: a bank may take most of the memory.
    largest = torch._foreach_norm(list(named.values()), float('inf'))
    bad = ~torch.stack([value.float() for value in largest]).isfinite()
    if not bad.any():  # the one wait for the device
        return None
    return list(named)[int(bad.int().argmax())]


def _own(tensor: Tensor) -> Tensor:
    own: Any = tensor.detach()
    return own.to_local() if is_split(tensor) else own
