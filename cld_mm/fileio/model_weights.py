"""Weights of a whole model (backbone, neck, head, ...) from a checkpoint, part by part.

A part is loaded as a whole or not at all, the backbone always. What stays random is
named in the log and in the report, so that no figure is made of it.
"""

from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from .weight_loading import OPTIONAL, WeightReport, load_weights, resize
from .weight_names import unpack

BACKBONES = ('backbone', 'algorithm.backbone')


def part_of(key: str) -> str:
    """The part of a model that a weight is in: 'backbone', 'algorithm.neck', ..."""
    names = key.split('.')
    return '.'.join(names[:2] if names[0] == 'algorithm' else names[:1])


def load_model_weights(
    model: nn.Module, checkpoint: Mapping[str, Any], source: str
) -> WeightReport:
    """Load what a checkpoint has for a model, and log what matched.

    Checkpoints of a backbone alone, also of other projects, fill the backbone.

    Args:
        model: gets the weights; not wrapped for several ranks.
        checkpoint: its content.
        source: its path, for messages.

    Raises:
        ValueError: the backbone's weights are missing, or a part has only some of its.
    """
    given = unpack(checkpoint)
    if given and all(key.startswith('module.') for key in given):
        given = {key.removeprefix('module.'): value for key, value in given.items()}
    target = model.state_dict()
    report = WeightReport(source, type(model).__name__)
    fitting = _fitting(given, target, report)
    backbone = next((n for n in BACKBONES if any(_in(k, n) for k in target)), None)
    if backbone is not None and not any(_in(key, backbone) for key in fitting):
        part = model.get_submodule(backbone)
        found = load_weights(part, checkpoint, source)
        report.matched = [f'{backbone}.{key}' for key in found.matched]
        report.missing = [
            k for k in target if not _in(k, backbone) and not k.endswith(OPTIONAL)
        ]
        print_log(str(report), 'current')
        return report
    learned = {part_of(key) for key, _ in model.named_parameters()}
    for name in dict.fromkeys(part_of(key) for key in target):
        keys = [k for k in target if part_of(k) == name and not k.endswith(OPTIONAL)]
        there = [key for key in keys if key in fitting]
        if there and len(there) < len(keys) and name in learned:
            only = WeightReport(source, f"{type(model).__name__}'s {name}")
            only.matched, only.missing = there, [k for k in keys if k not in fitting]
            shapes = report.mismatched.items()
            only.mismatched = {k: v for k, v in shapes if part_of(k) == name}
            only.check(list(given))
        if len(there) < len(keys):  # a memory of another size starts anew
            fitting = {k: v for k, v in fitting.items() if part_of(k) != name}
            report.missing += keys
        else:
            report.matched += keys
    if not report.matched:
        report.check(list(given))
    model.load_state_dict(fitting, strict=False)
    print_log(str(report), 'current')
    return report


def missing_parts(report: WeightReport) -> set[str]:
    """Parts of a model that stay random, without 'algorithm.'."""
    return {part_of(key).removeprefix('algorithm.') for key in report.missing}


def _fitting(
    given: Mapping[str, Tensor], target: Mapping[str, Tensor], report: WeightReport
) -> dict[str, Tensor]:
    fitting = {}
    for key, place in target.items():
        value = given.get(key)
        if value is None:
            continue
        if value.shape != place.shape:
            resized = resize(key.rpartition('.')[2], value, place)
            if resized is None:
                report.mismatched[key] = (tuple(value.shape), tuple(place.shape))
                continue
            report.reshaped.append(key)
            value = resized
        fitting[key] = value
    return fitting


def _in(key: str, part: str) -> bool:
    return key.startswith(f'{part}.')
