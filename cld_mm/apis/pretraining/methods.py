"""The methods that ``cldmm pretrain`` knows.

Loss weights and temperatures are those of the recipes in configs/.
"""

from dataclasses import dataclass

from .backbones import UnknownName


@dataclass
class Method:
    """How one method is trained.

    Attributes:
        name: without '-cld'.
        loss_weight, temperature: λ and T of CLD.
        rate: learning rate of SGD for 256 images.
        views: images' views per step, without CLD and with it.
        warmup: whether the learning rate warms up.
    """

    name: str
    loss_weight: float
    temperature: float
    rate: float
    views: tuple[int, int] = (2, 2)
    warmup: bool = False


METHODS = {
    'mocov2': Method('mocov2', 0.25, 0.4, 0.06, views=(2, 3)),
    'npid': Method('npid', 1.0, 0.2, 0.06),
    'byol': Method('byol', 0.25, 0.4, 0.1, warmup=True),
    'infomin': Method('infomin', 0.25, 0.8, 0.06, views=(2, 3)),
    'simclr': Method('simclr', 0.5, 0.2, 0.12, warmup=True),
    'simsiam': Method('simsiam', 0.25, 0.4, 0.05, warmup=True),
}
NAMES = [f'{name}{end}' for name in METHODS for end in ('-cld', '')]


def find_method(name: str) -> tuple[Method, bool]:
    """The method of a name such as 'mocov2-cld', and whether it has CLD.

    Raises:
        UnknownName: there is none; the nearest names are suggested.
    """
    wanted = name.lower().replace('_', '-')
    if wanted not in NAMES:
        raise UnknownName('method', name, NAMES)
    return METHODS[wanted.removesuffix('-cld')], wanted.endswith('-cld')


def jigsaw_sizes(size: int) -> tuple[int, int]:
    """Side of InfoMin's jigsaw crop and of its patches, multiples of 16 if possible.

    The recipe's are a crop of 255 pixels, and patches of 64 of its cells of 85.
    """
    cell = max(3, round(85 * size / 224))
    patch = max(2, round(64 * size / 224))
    if size >= 112:
        patch = patch // 16 * 16
    return 3 * cell, patch
