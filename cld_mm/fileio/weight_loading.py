"""Weights from a checkpoint into a module, or an error: never a silent random start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn import functional as F

from .weight_names import common_name, common_names, prefixes, unpack

# Not weights: counters, which old checkpoints lack, and tables that modules compute.
OPTIONAL: tuple[str, ...] = ('num_batches_tracked', 'mask_token')
OPTIONAL += ('relative_position_index', 'relative_coords_table')


@dataclass
class WeightReport:
    """What a checkpoint gave to a module.

    Attributes:
        source: the checkpoint's path.
        name: of the module's class.
        matched, missing: keys of the module.
        reshaped: keys whose values were interpolated to another size.
        mismatched: keys with another shape in the checkpoint: theirs and the module's.
        prefix: what the keys begin with in the checkpoint.
    """

    source: str
    name: str
    matched: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    reshaped: list[str] = field(default_factory=list)
    mismatched: dict[str, tuple[tuple, tuple]] = field(default_factory=dict)
    prefix: str = ''

    def __str__(self) -> str:
        total = len(self.matched) + len(self.missing)
        text = f'{len(self.matched)} of {total} weights of {self.name} loaded from '
        text += self.source + (f', prefix {self.prefix!r}' if self.prefix else '')
        if self.reshaped:
            text += f'; interpolated to another size: {_listed(self.reshaped)}'
        if self.missing:
            text += f'; randomly initialized: {_listed(self.missing)}'
        return text

    def check(self, found: list[str], allow_missing: bool = False) -> None:
        """Raise where weights are missing.

        Args:
            found: keys of the checkpoint.
            allow_missing: only refuse a checkpoint of which nothing fits.

        Raises:
            ValueError: nothing fits, or something is missing.
        """
        if not self.matched:
            first = next(iter(self.mismatched.items()), None)
            reason = (
                f'it has {_listed(found, 3)}, but {_listed(self.missing, 3)} needed'
            )
            if first:
                reason = _shapes(*first)
            raise ValueError(
                f'no weight of {self.name} is in {self.source}: {reason}; give a '
                'checkpoint of the same network.'
            )
        if self.missing and not allow_missing:
            first = next(iter(self.mismatched.items()), None)
            reason = _shapes(*first) if first else f'first {self.missing[0]}'
            raise ValueError(
                f'{len(self.missing)} weights of {self.name} are missing in '
                f'{self.source} or have another shape: {reason}; give a checkpoint of '
                'the same network, or set allow_missing=True to leave them random.'
            )


def load_weights(
    module: nn.Module,
    checkpoint: Mapping[str, Any],
    source: str,
    prefix: str | None = None,
    allow_missing: bool = False,
) -> WeightReport:
    """Load the weights of one network, such as a backbone, and log what matched.

    Names of torchvision, timm, transformers, MoCo, DINO, MAE, solo-learn, lightly and
    OpenMMLab are recognized for ResNets and Vision Transformers. Position embeddings of
    another size are interpolated.

    Args:
        module: gets the weights.
        checkpoint: its content.
        source: its path, for messages.
        prefix: what the keys begin with there; found by itself if None.
        allow_missing: leave what is missing random; nothing at all stays an error.

    Raises:
        ValueError: weights are missing.
    """
    given = unpack(checkpoint)
    target = module.state_dict()
    names = {_target_name(key, target): key for key in target}
    candidates = prefixes(given, names) if prefix is None else [_dotted(prefix)]
    fits = [_fit(module, names, given, candidate) for candidate in candidates]
    fits = fits or [_fit(module, names, {}, '')]
    weights, report = max(fits, key=lambda fit: len(fit[1].matched))
    report.source = source
    report.check(list(given), allow_missing)
    module.load_state_dict(weights, strict=False)
    print_log(str(report), 'current')
    return report


def _fit(
    module: nn.Module, names: dict[str, str], given: Mapping[str, Tensor], prefix: str
) -> tuple[dict[str, Tensor], WeightReport]:
    """Weights that fit, by the module's keys, of those that begin with a prefix."""
    start = len(prefix)
    own = {key[start:]: value for key, value in given.items() if key.startswith(prefix)}
    common = common_names(own)
    target = module.state_dict()
    report = WeightReport('', type(module).__name__, prefix=prefix)
    fitting: dict[str, Tensor] = {}
    for name, key in names.items():
        value, place = common.get(name), target[key]
        if value is None:
            continue
        if value.shape != place.shape:
            resized = resize(name, value, place)
            if resized is None:
                report.mismatched[key] = (tuple(value.shape), tuple(place.shape))
                continue
            report.reshaped.append(key)
            value = resized
        fitting[key] = value
    report.missing = _needed(target, fitting)
    report.matched = [key for key in fitting if not key.endswith(OPTIONAL)]
    return fitting, report


def resize(name: str, value: Tensor, place: Tensor) -> Tensor | None:
    """Position weights at another size, bicubic; None for other weights.

    Args:
        name: common name of the weight.
        value: ``(1, N, C)`` with or without a class token; or Swin's ``(S·S, heads)``.
        place: of the wanted shape.
    """
    if name == 'pos_embed' and value.ndim == place.ndim == 3:
        if value.shape[-1] != place.shape[-1]:
            return None
        sides = isqrt(value.shape[1]), isqrt(place.shape[1])
        extra = [t.shape[1] - s**2 for t, s in zip((value, place), sides, strict=True)]
        if min(extra) < 0 or max(extra) > 2 or extra[0] < extra[1]:
            return None
        tokens, grid = value[:, : extra[1]], value[:, extra[0] :]
        return torch.cat([tokens, _resized(grid, *sides)], dim=1)
    if name.endswith('relative_position_bias_table') and value.ndim == 2:
        sides = isqrt(len(value)), isqrt(len(place))
        square = [len(value), len(place)] == [side**2 for side in sides]
        if square and value.shape[1] == place.shape[1]:
            return _resized(value[None], *sides)[0]
    return None


def _resized(grid: Tensor, side: int, wanted: int) -> Tensor:
    """``(1, side², C)`` to ``(1, wanted², C)``."""
    image = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2).float()
    image = F.interpolate(image, (wanted, wanted), mode='bicubic', align_corners=False)
    return image.permute(0, 2, 3, 1).flatten(1, 2).to(grid.dtype)


def _target_name(key: str, keys: Mapping[str, Tensor]) -> str:
    if all(
        name.startswith('timm_model.') for name in keys
    ):  # mmpretrain's TIMMBackbone
        key = key.removeprefix('timm_model.')
    return common_name(key)


def _needed(target: Mapping[str, Tensor], fitting: Mapping[str, Tensor]) -> list[str]:
    return [k for k in target if k not in fitting and not k.endswith(OPTIONAL)]


def _dotted(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith('.') else prefix + '.'


def _listed(keys: list[str], most: int = 8) -> str:
    rest = f' and {len(keys) - most} more' if len(keys) > most else ''
    return ', '.join(keys[:most]) + rest


def _shapes(key: str, shapes: tuple[tuple, tuple]) -> str:
    return f'{key} has shape {shapes[0]} there, but {shapes[1]} is needed'
