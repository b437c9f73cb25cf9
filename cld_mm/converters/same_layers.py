"""Weights from one implementation of a network into another.

Two implementations of a network run the same layers in the same order, even if they
call them. So the layers are paired as they run, on one image, and every tensor is
copied; :mod:`.export_backbone` then compares the features of both networks.
"""

from typing import Any

import torch
from torch import Tensor, nn

# Tables of indices, which each implementation computes for itself.
COMPUTED = ('relative_position_index', 'relative_coords_table')


def copy_weights(source: nn.Module, target: nn.Module, image: Tensor) -> None:
    """Fill ``target`` with the weights of ``source``.

    Args:
        source, target: two implementations of a network, in eval mode.
        image: ``(1, C, H, W)``.

    Raises:
        ValueError: they do not have the same layers.
    """
    ours, theirs = _tensors(source, image), _tensors(target, image)
    if len(ours) != len(theirs):
        raise ValueError(f'it has {len(theirs)} weights, the backbone {len(ours)}')
    for (name, weight), (other, place) in zip(ours, theirs, strict=True):
        if weight.numel() != place.numel():
            raise ValueError(
                f'its {other} has shape {tuple(place.shape)}, and {name} of the '
                f'backbone {tuple(weight.shape)}'
            )
    with torch.no_grad():
        for (_, weight), (_, place) in zip(ours, theirs, strict=True):
            place.copy_(weight.reshape(place.shape))


@torch.no_grad()
def _tensors(model: nn.Module, image: Tensor) -> list[tuple[str, Tensor]]:
    """Names and weights: those of containers first, then the layers' as they run."""
    names = {module: name for name, module in model.named_modules()}
    started: dict[nn.Module, None] = {}
    hooks = [
        module.register_forward_pre_hook(lambda module, *_: started.setdefault(module))
        for module in names
    ]
    model(image)
    for hook in hooks:
        hook.remove()
    layers = [layer for module in started for layer in _layers(module, started)]
    containers = [module for module in names if not _is_layer(module)]
    merging = _merged_patches(model)
    found = []
    for module in [*containers, *layers]:
        own = _all_tensors(module) if _is_layer(module) else _own_tensors(module)
        prefix = names[module] + '.' if names[module] else ''
        for name, weight in own.items():
            order = merging.get(module)
            weight = weight if order is None else weight[..., order]
            found.append((prefix + name, weight))
    return found


def _layers(module: nn.Module, started: dict[nn.Module, None]) -> list[nn.Module]:
    """A module that is a layer, or its layers whose weights it uses without a call."""
    if _is_layer(module):
        return [module]
    return [m for m in module.children() if _is_layer(m) and m not in started]


def _merged_patches(model: nn.Module) -> dict[nn.Module, Tensor]:
    """How OpenMMLab's PatchMerging must order its channels to be as Swin's own.

    nn.Unfold orders 2×2 pixels as (C, h, w); Swin's own order is (w, h, C).
    """
    orders: dict[nn.Module, Tensor] = {}
    for module in model.modules():
        merging: Any = module
        if isinstance(getattr(merging, 'sampler', None), nn.Unfold):
            height, width = nn.modules.utils._pair(merging.sampler.kernel_size)
            order = torch.arange(merging.reduction.in_features).view(-1, height, width)
            order = order.permute(2, 1, 0).flatten()
            orders[merging.norm] = orders[merging.reduction] = order
    return orders


def _is_layer(module: nn.Module) -> bool:
    """Whether a module holds weights and no other module with weights.

    torch's attention counts as one layer: it never calls its output projection.
    """
    inside = any(_own_tensors(m) for m in module.modules() if m is not module)
    return bool(_own_tensors(module)) and (
        not inside or isinstance(module, nn.MultiheadAttention)
    )


def _own_tensors(module: nn.Module) -> dict[str, Tensor]:
    tensors: list[tuple[str, Tensor]] = [*module.named_parameters(recurse=False)]
    tensors += [
        (name, buffer)
        for name, buffer in module.named_buffers(recurse=False)
        if name not in module._non_persistent_buffers_set
    ]
    return {name: tensor.data for name, tensor in tensors if name not in COMPUTED}


def _all_tensors(module: nn.Module) -> dict[str, Tensor]:
    state: dict[str, Tensor] = dict(module.named_parameters())
    state |= dict(module.named_buffers())
    return {name: value.data for name, value in state.items() if name not in COMPUTED}
