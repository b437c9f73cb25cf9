"""Between tensors split over ranks and the whole ones that a checkpoint holds."""

from typing import Any

import torch
from torch import Tensor, nn

try:
    from torch.distributed.tensor import DTensor, distribute_tensor
except ImportError:  # torch before 2.5, where FullySharded says what is missing
    DTensor = None  # type: ignore[assignment, misc]


def is_split(tensor: Any) -> bool:
    """Whether a tensor is split over ranks."""
    return DTensor is not None and isinstance(tensor, DTensor)


def has_split_parameters(model: nn.Module) -> bool:
    """Whether a model's parameters are split over ranks."""
    return any(is_split(parameter) for parameter in model.parameters())


def own_part(tensor: Any) -> Tensor:
    """This rank's part of a split tensor; the whole of one that is not split."""
    return tensor.to_local() if is_split(tensor) else tensor


def joined(state: Any, keep: bool = True) -> Any:
    """Nested dicts and lists with split tensors made whole, in CPU memory.

    All ranks call it with the same structure; one tensor at a time is gathered.

    Args:
        state: for instance a ``state_dict``; tensors that are not split stay as they
            are.
        keep: False on ranks that only take part: their split tensors come out empty.
    """
    if is_split(state):
        whole = state.detach().full_tensor()
        return whole.cpu() if keep else whole.new_empty(0)
    if isinstance(state, dict):
        for_all: Any = type(state)()
        for key, value in state.items():
            for_all[key] = joined(value, keep)
        if hasattr(state, '_metadata'):
            for_all._metadata = state._metadata
        return for_all
    if type(state) in (list, tuple):
        return type(state)(joined(value, keep) for value in state)
    return state


def split_like(value: Any, parameter: Tensor) -> Any:
    """This rank's part of a whole tensor, split as a parameter of its shape is.

    Anything else (another shape, a parameter that is not split) comes back as it is.
    """
    if (
        not is_split(parameter)
        or not isinstance(value, Tensor)
        or is_split(value)
        or value.shape != parameter.shape
    ):
        return value
    split: Any = parameter
    # Every rank has the whole tensor, so nothing needs to travel.
    return distribute_tensor(
        value.to(split.device), split.device_mesh, split.placements, src_data_rank=None
    )


def take_plain_tensors(model: nn.Module) -> None:
    """Let every module with split parameters load a plain run's state dict."""

    def split(module: nn.Module, state: dict, prefix: str, *_: Any) -> None:
        for name, parameter in module.named_parameters(recurse=False):
            if prefix + name in state:
                state[prefix + name] = split_like(state[prefix + name], parameter)

    for module in model.modules():
        if any(is_split(p) for p in module.parameters(recurse=False)):
            module.register_load_state_dict_pre_hook(split)


def take_plain_states(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimizer of split parameters load a plain run's state dict."""

    def split(optimizer: torch.optim.Optimizer, state_dict: dict) -> dict:
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        names = [n for group in state_dict['param_groups'] for n in group['params']]
        places = dict(zip(names, parameters, strict=True))
        state = {
            name: {key: split_like(value, places[name]) for key, value in own.items()}
            for name, own in state_dict['state'].items()
        }
        return {**state_dict, 'state': state}

    optimizer.register_load_state_dict_pre_hook(split)
