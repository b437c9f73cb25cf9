"""Checks that several losses share."""

import warnings

import torch
from torch import Tensor

from cld_mm.models.utils import device


def check_temperature(temperature: float) -> None:
    """Raise a ValueError unless the temperature is above zero."""
    if not temperature > 0:
        raise ValueError(
            f'temperature must be > 0, got {temperature}; the recipes use 0.07 to 0.8.'
        )


_checked_devices: set[torch.device] = set()


def warn_unless_unit_length(features: Tensor) -> None:
    """Warn once if rows do not have unit length.

    Checks every call on a CPU, but only the first one on each GPU, since reading a
    value there would synchronize in every step.
    """
    where = features.device
    if where in _checked_devices or where.type == 'meta' or not features.numel():
        return
    if not device.on_cpu(features):
        _checked_devices.add(where)
    lengths = torch.linalg.vector_norm(features.detach().float(), dim=1)
    errors = (lengths - 1).abs().where(lengths > 0, 0)  # normalizing keeps zero rows
    worst = errors.argmax()
    if errors[worst] > 0.01:  # float16 and bfloat16 round by less
        _checked_devices.add(where)
        warnings.warn(
            'The CLD loss expects features of unit length, but a row has length '
            f'{float(lengths[worst]):.4g}; apply torch.nn.functional.normalize('
            'features, dim=1) before grouping, or use cld_mm.CLDCriterion, which '
            'normalizes.',
            stacklevel=4,
        )
