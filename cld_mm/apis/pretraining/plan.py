"""The choices of a run, each with its reason, to be printed and overridden."""

import os
from dataclasses import dataclass, field
from typing import Any

from .backbones import is_transformer
from .methods import find_method

MOST_GROUPS = 128
MOST_KEYS = 65536
MONITORED = 256  # images that the monitor encodes


@dataclass
class Plan:
    """Everything that a config is made of.

    Attributes:
        data: folders or files of images.
        num_images: in them.
        method, backbone: names.
        backbone_config: of the backbone without weights.
        init: weights to start from.
        size: side of the views.
        devices: ranks.
        in_channels: bands of the images.
        channels: size of the backbone's pooled feature.
        batch_size: per device.
        workers: loader processes per device.
        precision: 'float32', 'bfloat16' or 'float16'.
        lr: learning rate.
        epochs: in all.
        queue_len, num_groups, momentum: of the method.
        seed: of everything random.
        seconds: for training; None where epochs are given.
        reasons: of choices, by attribute.
    """

    data: list[str]
    num_images: int
    method: str
    backbone: str
    backbone_config: dict[str, Any]
    init: str | None = None
    size: int = 224
    devices: int = 1
    in_channels: int = 3
    channels: int = 0
    batch_size: int = 0
    workers: int = 0
    precision: str = 'float32'
    lr: float = 0.0
    epochs: int = 0
    queue_len: int = 0
    num_groups: int = 0
    momentum: float = 0.001
    seed: int = 0
    seconds: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def global_batch(self) -> int:
        """Images of a step on all devices."""
        return self.batch_size * self.devices

    @property
    def iterations(self) -> int:
        """Of an epoch."""
        return max(1, self.num_images // self.global_batch)

    def backbone_cfg(self) -> dict[str, Any]:
        """The backbone's config, with the weights that it starts from."""
        if self.init is None:
            return dict(self.backbone_config)
        init = {'type': 'Pretrained', 'checkpoint': self.init}
        return {**self.backbone_config, 'init_cfg': init}

    def table(self) -> str:
        """The choices with their reasons, one per line."""
        _, with_cld = find_method(self.method)
        rows = [
            ('images', f'{self.num_images}', ''),
            ('method', self.method, ''),
            ('backbone', self.backbone, 'backbone'),
            ('start', self.init or 'random weights', ''),
            ('image size', f'{self.size}', 'size'),
            ('channels', f'{self.in_channels}', 'in_channels'),
            ('batch size', f'{self.batch_size}', 'batch_size'),
            ('devices', f'{self.devices}', ''),
            ('workers', f'{self.workers} per device', 'workers'),
            ('precision', self.precision, 'precision'),
            ('learning rate', f'{self.lr:.4g}', 'lr'),
            ('epochs', f'{self.epochs} of {self.iterations} iterations', 'epochs'),
        ]
        if self.method.startswith(('mocov2', 'infomin')):
            rows.append(('queue', f'{self.queue_len} keys', 'queue_len'))
        if with_cld:
            rows.append(('groups', f'{self.num_groups}', 'num_groups'))
        lines = []
        for name, value, reason in rows:
            why = self.reasons.get(reason)
            lines.append(f'  {name:14s} {value}' + (f'  ({why})' if why else ''))
        return '\n'.join(lines)


def choose_size(sides: list[int], accelerator: bool) -> tuple[int, str]:
    """Side of the views and the reason: that of the images, at most 224 or 96.

    Args:
        sides: shorter sides of some images.
        accelerator: whether there is one; CPUs train on smaller views.
    """
    typical = sorted(sides)[len(sides) // 2]
    most = 224 if accelerator else 96
    if typical >= most:
        return most, 'the usual' if accelerator else 'no GPU'
    # Transformers need multiples of their patches.
    return max(8, typical // 32 * 32 or typical), 'the size of the images'


def choose_learning_rate(plan: Plan) -> float:
    """Linear in the batch size, from the method's rate for 256 images."""
    method, _ = find_method(plan.method)
    rate = 5e-4 if is_transformer(plan.backbone_config) else method.rate
    kind = 'AdamW' if is_transformer(plan.backbone_config) else 'SGD'
    plan.reasons['lr'] = f'{kind}, {rate:g} for 256 images'
    return rate * plan.global_batch / 256


def choose_batch_size(plan: Plan, most: int, accelerator: bool) -> int:
    """A power of two: 256 on an accelerator, 64 on a CPU, or what the data allow.

    Args:
        plan: of the run.
        most: images per device that fit in memory.
        accelerator: whether there is one.

    Raises:
        ValueError: there are too few images, or even the smallest batch does not fit.
    """
    wanted = (256 if accelerator else 64) // (plan.devices if accelerator else 1)
    # Four steps per epoch at least, so that the queue sees several batches.
    by_data = plan.num_images // (4 * plan.devices)
    if by_data < 2:
        by_data = plan.num_images // plan.devices
    if by_data < 2:
        raise ValueError(
            f'{plan.num_images} image(s) are too few for {plan.devices} device(s): '
            'at least 2 per device are needed.'
        )
    if most < 2:
        raise ValueError(
            'two images do not fit in memory: choose a smaller --backbone or --size.'
        )
    chosen = _power_of_two(max(2, min(wanted, by_data, most)))
    limits = {wanted: 'the usual', by_data: '4 steps per epoch', most: 'memory'}
    limit = min(limits)
    plan.reasons['batch_size'] = (
        f'limited by {limits[limit]}'
        if limit < wanted
        else (f'memory would allow {most}')
    )
    return chosen


def choose_workers(devices: int) -> int:
    """Loader processes per device: the machine's cores, but one for each rank."""
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, 'sched_getaffinity')
        else (os.cpu_count() or 1)
    )
    return max(1, min(16, cores // devices - 1))


def choose_queue(plan: Plan) -> int:
    """A multiple of the batch, at most the number of images."""
    batch = plan.global_batch
    most = min(MOST_KEYS, plan.num_images)
    plan.reasons['queue_len'] = (
        'no longer than the data' if plan.num_images < MOST_KEYS else "the paper's"
    )
    return max(1, most // batch) * batch


def choose_groups(plan: Plan) -> int:
    """Half of the images that are grouped together, at most 128."""
    most = plan.global_batch  # group features of all devices are gathered
    plan.reasons['num_groups'] = 'half of the batch'
    if plan.devices > 1:
        plan.reasons['num_groups'] += ', gathered from all devices'
    return max(2, min(MOST_GROUPS, most // 2))


def choose_momentum(iterations: int) -> float:
    """Weight of the new parameters: the paper's 0.001, more in short runs."""
    return min(0.01, max(0.001, round(20 / max(1, iterations), 4)))


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1)
