"""Checks that losses, gradients, weights and statistics are finite."""

from collections.abc import Iterable
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce, get_world_size
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parallel import DistributedDataParallel

from cld_mm.distributed.sharded_tensors import own_part
from cld_mm.models.memories import memories


def loss_parts(losses: dict[str, Any]) -> dict[str, Tensor]:
    """Loss parts as detached scalars, as mmengine adds them up."""
    parts = {}
    for name, value in losses.items():
        if 'loss' in name:
            values = value if isinstance(value, (list, tuple)) else [value]
            means = [torch.as_tensor(v).detach().float().mean() for v in values]
            parts[name] = sum(means[1:], means[0])
    return parts


def zero_if_finite(values: Iterable[Tensor]) -> Tensor:
    """0 where all scalars are finite, else NaN."""
    return sum((0 * value for value in values), torch.zeros(()))


def poison(losses: dict[str, Any], parts: dict[str, Tensor]) -> dict[str, Any]:
    """Multiply the losses by NaN if a part is not finite, else by 1.

    Their gradient then tells every rank, without a device sync.
    """
    factor = 1 + zero_if_finite(parts.values())

    def scale(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [scale(item) for item in value]
        return value * factor if isinstance(value, Tensor) else value

    return {
        name: scale(value) if 'loss' in name else value
        for name, value in losses.items()
    }


@torch.no_grad()
def find_gradients(optimizer: Any) -> tuple[list[nn.Parameter], list[Tensor]]:
    """Parameters with a gradient, and this rank's own part of each gradient."""
    parameters, gradients = [], []
    for group in optimizer.param_groups:
        for parameter in group['params']:
            if parameter.grad is not None:
                gradient = own_part(parameter.grad)
                if gradient.numel():  # a rank's part of a small tensor may be empty
                    parameters.append(parameter)
                    gradients.append(gradient)
    return parameters, gradients


def gradients_are_equal(model: Any) -> bool:
    """Whether all ranks apply the same gradients."""
    return get_world_size() == 1 or isinstance(model, DistributedDataParallel)


def exchange_flag(finite: Tensor) -> bool:
    """Whether a flag is set on every rank; an all-reduce and a device sync."""
    flag = finite.int()
    all_reduce(flag, op='min')
    return bool(flag)


def start_copy(finite: Tensor) -> tuple[Tensor, Any]:
    """Start copying flags to the host; also the event that tells when they arrived."""
    if finite.device.type != 'cuda':
        return finite.to('cpu', copy=True), None
    host = torch.empty(finite.shape, dtype=finite.dtype, pin_memory=True)
    host.copy_(finite, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return host, arrived


def check_finite(model: nn.Module, iteration: int, work_dir: str) -> None:
    """Check weights and buffers before they are saved; all ranks call it.

    A non-finite step never changes a weight, but BatchNorm's running statistics change
    in the forward pass, and nothing in training reads them. Other buffers may hold NaN
    or infinity: a bank's normalizer is NaN until it is estimated, masks are -inf.

    Raises:
        FloatingPointError: on every rank, naming the first tensor and its rank.
    """
    everyone: list = all_gather_object(_first_not_finite(model))
    for rank, name in enumerate(everyone):
        if name is not None:
            raise FloatingPointError(
                f'{name} of rank {rank} is not finite after iteration {iteration}, so '
                'no checkpoint is written; look for images or settings that give huge '
                'activations, lower the learning rate, and resume from the last '
                f'checkpoint in {work_dir} with --resume.'
            )


@torch.no_grad()
def _first_not_finite(model: nn.Module) -> str | None:
    named = {f'the weight {name}': own_part(p) for name, p in model.named_parameters()}
    owners: dict[str, Any] = {
        name: {'running_mean': norm.running_mean, 'running_var': norm.running_var}
        for name, norm in model.named_modules()
        if isinstance(norm, _NormBase)
    }
    owners |= {name: m.must_be_finite() for name, m in memories(model).items()}
    named |= {
        f'the buffer {name}.{key}'.replace(' .', ' '): own_part(value)
        for name, tensors in owners.items()
        for key, value in tensors.items()
        if value is not None
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
    if not bad.any():  # the only device sync
        return None
    return list(named)[int(bad.int().argmax())]
