"""Weights of one network of a release, renamed and transposed."""

import torch
from torch import Tensor

from .cld_release_layouts import Layout, to_ours, to_theirs


def network_to_ours(
    weights: dict[str, Tensor], layout: Layout
) -> tuple[dict[str, Tensor], list[str]]:
    """A network's weights by our names, and the keys that the layout lacks."""
    network, unknown = {}, []
    for key, value in weights.items():
        ours = to_ours(key.removeprefix('module.'), layout)
        if ours is None or not isinstance(value, Tensor):
            unknown.append(key)
        else:
            network[ours] = value.detach()
    network = _transposed(network, layout)
    for key in [k for k in network if k.endswith('.running_var')]:
        # Old torch did not count batches.
        counter = key.removesuffix('running_var') + 'num_batches_tracked'
        network.setdefault(counter, torch.tensor(0))
    return network, unknown


def network_to_theirs(
    network: dict[str, Tensor], layout: Layout, prefix: str
) -> tuple[dict[str, Tensor], list[str]]:
    """A network's weights by their names, and the keys that the layout lacks."""
    weights, unknown = {}, []
    for key, value in _transposed(network, layout).items():
        theirs = to_theirs(key, layout)
        if theirs is None:
            unknown.append(key)
        else:
            weights[prefix + theirs] = value
    return weights, unknown


def _transposed(network: dict[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """The same with the weights of the cosine layers, which have no bias, turned."""
    cosine = {
        f'{layer}.weight'
        for layer in layout.projections
        if f'{layer}.bias' not in network
    }
    return {
        key: value.t().contiguous() if key in cosine else value
        for key, value in network.items()
    }
