"""Key names of the CLD release's checkpoints beside this project's.

The release stores a NormLinear weight as (in, out), this project as (out, in); a
linear layer has a bias and is stored as here. Its blocks are named as torchvision's,
on CIFAR with ``shortcut`` where this project says ``downsample``.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Layout(NamedTuple):
    """One kind of released checkpoint.

    Attributes:
        name: 'mocov2', 'infomin', 'moco_cifar' or 'npid_cifar'.
        renames: pairs of patterns, theirs to ours, within one network's keys.
        projections: our layers whose weights are transposed where they have no bias.
    """

    name: str
    renames: tuple[tuple[str, str], ...]
    projections: tuple[str, ...] = ('neck.instance', 'neck.group')


BLOCKS = ('conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4')
_BACKBONE = tuple((rf'{block}\.', rf'backbone.{block}.') for block in BLOCKS)
_CIFAR = (
    (r'linear\.', 'neck.instance.'),
    (r'groupDis\.0\.', 'neck.group.'),
    *_BACKBONE,
)
MOCOV2 = Layout(
    'mocov2',
    (
        (r'fc\.0\.', 'neck.trunk.0.'),
        (r'instDis\.', 'neck.instance.'),
        (r'groupDis\.', 'neck.group.'),
        *_BACKBONE,
    ),
)
INFOMIN = Layout(
    'infomin',
    (
        (r'encoder\.', 'backbone.'),
        (r'head\.0\.', 'neck.trunk.0.'),
        (r'proj1\.0\.', 'neck.instance.'),
        (r'proj2\.0\.', 'neck.group.'),
        (r'head_jig\.fc1\.0\.', 'jigsaw.trunk.0.'),
        (r'head_jig\.fc1\.2\.', 'jigsaw.projection.'),
        (r'head_jig\.fc2\.', 'jigsaw.fusion.'),
    ),
    ('neck.instance', 'neck.group', 'jigsaw.projection', 'jigsaw.fusion'),
)
MOCO_CIFAR = Layout('moco_cifar', _CIFAR)
NPID_CIFAR = Layout('npid_cifar', _CIFAR)
LAYOUTS = {one.name: one for one in (MOCOV2, INFOMIN, MOCO_CIFAR, NPID_CIFAR)}

PARAMS = ('weight', 'bias')
NORM_VALUES = ('weight', 'bias', 'running_mean', 'running_var')


def to_ours(key: str, layout: Layout) -> str | None:
    """This project's name of a key of theirs; None for an unknown one."""
    for theirs, ours in layout.renames:
        if re.match(theirs, key):
            renamed = re.sub(f'^{theirs}', ours, key)
            if layout.name.endswith('cifar'):
                renamed = renamed.replace('.shortcut.', '.downsample.')
            return renamed
    return None


def to_theirs(key: str, layout: Layout) -> str | None:
    """Their name of a key of this project; None for an unknown one."""
    for theirs, ours in layout.renames:
        if key.startswith(ours):
            renamed = theirs.replace('\\', '') + key[len(ours) :]
            if layout.name.endswith('cifar'):
                renamed = renamed.replace('.downsample.', '.shortcut.')
            return renamed
    return None


def missing_keys(keys: Iterable[str], layout: Layout) -> list[str]:
    """Our keys that a whole network of this layout has and these keys lack.

    A convolution needs its BatchNorm and the other way round, a BatchNorm all its
    values, a network its stem, the stages before its last, both branches and, for
    InfoMin, its jigsaw.
    """
    present = set(keys)
    wanted = {'backbone.conv1.weight', 'backbone.bn1.weight'}
    wanted |= {f'{layer}.weight' for layer in layout.projections}
    stages = [int(k[len('backbone.layer')]) for k in present if 'backbone.layer' in k]
    last = max(stages, default=4)
    wanted |= {f'backbone.layer{stage}.0.conv1.weight' for stage in range(1, last + 1)}
    if layout.name == 'mocov2' or any(k.startswith('neck.trunk.') for k in present):
        wanted |= {'neck.trunk.0.weight', 'neck.trunk.0.bias'}
    if layout.name == 'infomin':
        wanted |= {f'{n}.trunk.0.{p}' for n in ('neck', 'jigsaw') for p in PARAMS}
    # Both branches are of one kind: linear ones have biases, cosine ones none.
    if any(f'{layer}.bias' in present for layer in layout.projections):
        wanted |= {f'{layer}.bias' for layer in layout.projections}
    for key in present:
        convolution = re.fullmatch(r'(backbone\..*?)conv(\d)\.weight', key)
        if convolution:
            wanted.add(f'{convolution[1]}bn{convolution[2]}.weight')
        down = re.fullmatch(r'(backbone\..*?downsample)\.0\.weight', key)
        if down:
            wanted.add(f'{down[1]}.1.weight')
    for key in present | wanted:
        norm = re.fullmatch(r'(backbone\..*?(?:bn\d|downsample\.1))\.\w+', key)
        if norm:
            wanted |= {f'{norm[1]}.{value}' for value in NORM_VALUES}
            filters = re.sub(r'bn(\d)$', r'conv\1', norm[1])
            wanted.add(re.sub(r'downsample\.1$', 'downsample.0', filters) + '.weight')
    return sorted(wanted - present)


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
