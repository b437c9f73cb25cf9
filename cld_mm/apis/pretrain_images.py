"""pretrain: from images to a trained backbone, with every other choice made."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .pretraining.choices import first_choices, resolve

REQUEST = 'request.json'


@dataclass
class Pretrained:
    """Where a finished run has its results.

    Attributes:
        out: folder of the run.
        checkpoint: the newest.
        config: the resolved config.
    """

    out: Path
    checkpoint: Path
    config: Path


def pretrain(
    data: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    method: str = 'mocov2-cld',
    backbone: str | None = None,
    init: str | Path | None = None,
    size: int | None = None,
    seconds: float | None = None,
    epochs: int | None = None,
    devices: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    workers: int | None = None,
    precision: str | None = None,
    num_groups: int | None = None,
    queue_len: int | None = None,
    seed: int = 0,
    in_channels: int | None = None,
    options: dict[str, Any] | None = None,
    report: Callable[[str], object] = print,
    started: float | None = None,
) -> Pretrained:
    """Pre-train a backbone on images without labels.

    What is not given is chosen and reported, and saved as ``out/config.py``, which
    tools/train.py runs. A second call with the same ``out`` and settings continues.

    Args:
        data: a folder of images (flat, nested or of classes), a list or CSV file, tar
            shards or a Hugging Face dataset; or several.
        out: folder of the run; by default ``pretrained/<name of the data>``.
        method: such as 'mocov2-cld', 'npid-cld', 'byol-cld', 'infomin-cld',
            'simclr-cld'; without '-cld' the method alone.
        backbone: such as 'resnet50', or any name of mmpretrain or timm; ResNet-50 on
            a GPU and ResNet-18 on a CPU if None.
        init: weights to start from, of this or another project.
        size: side of the views in pixels; chosen by the images and device if None.
        seconds: time for everything; the schedule ends with it.
        epochs: instead of ``seconds``; 200 if neither is given.
        devices: how many GPUs or processes; all GPUs by default.
        batch_size: images per device and step, instead of the chosen number.
        lr: learning rate, instead of the chosen one.
        workers: loader processes per device.
        precision: of training, instead of the chosen one.
        num_groups: K of the groups.
        queue_len: keys in the queue, for methods that have one.
        seed: of everything random.
        in_channels: bands of the images, which then keep their depth; by default 3
            (RGB), or the number of bands if they are more than RGB and alpha.
        options: further settings of the config, by dotted keys.
        report: is called with each line to show.
        started: ``time.monotonic()`` from which the time counts; now, if None.

    Raises:
        FileNotFoundError: there are no such data or weights.
        ValueError: a setting is invalid, or the time too short for one epoch. Nothing
            is written.
    """
    request = dict(locals())  # every setting, by name
    for name in ('out', 'report', 'started'):
        del request[name]
    started = time.monotonic() if started is None else started
    sources = [str(one) for one in ([data] if isinstance(data, (str, Path)) else data)]
    paths = [Path(one).expanduser().resolve() for one in sources]
    request['data'] = [str(path) for path in paths]
    request['init'] = None if init is None else str(init)
    request['options'] = options or {}
    out = Path(out or Path('pretrained') / paths[0].name.partition('.')[0])
    resume = used_before(out, request)
    config = out / 'config.py'
    if not resume:
        plan = first_choices(
            sources, method, backbone, init, size, devices, seed, in_channels
        )
        names = ('batch_size', 'lr', 'workers', 'precision', 'num_groups', 'queue_len')
        given = {name: request[name] for name in names}
        cfg = resolve(plan, given, epochs, seconds, started, options, out, report)
        out.mkdir(parents=True, exist_ok=True)
        cfg.dump(config)
        (out / REQUEST).write_text(json.dumps(request, indent=2) + '\n')
        report(f'Settings (saved in {config}):\n{plan.table()}')
    else:
        report(f'{out} holds a run with these settings: it continues.')
    _train(config, resume)
    from .runs import find_checkpoint

    return Pretrained(out, find_checkpoint(out), config)


def used_before(out: Path, request: dict[str, Any]) -> bool:
    """Whether a folder holds a run of the same settings.

    Raises:
        ValueError: it holds other things, or a run of other settings.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        old = json.loads((out / REQUEST).read_text())
    except (OSError, ValueError):
        raise ValueError(
            f'{out} is not empty and no run of cldmm pretrain: give another --out.'
        ) from None
    changed = [key for key in request if request[key] != old.get(key)]
    if changed:
        key = changed[0]
        raise ValueError(
            f'{out} holds a run with {key} {old.get(key)}, not {request[key]}: give '
            'another --out, or the same settings to continue.'
        )
    return True


def _train(config: Path, resume: bool) -> None:
    from mmengine.config import Config

    from .run_config import train, train_on_devices

    cfg = Config.fromfile(config)
    devices = json.loads((config.parent / REQUEST).read_text())['devices']
    if devices is None:
        import torch

        devices = max(1, torch.cuda.device_count())
    if devices > 1:
        code = train_on_devices(config, devices, resume)
        if code:
            raise RuntimeError(f'training on {devices} devices ended with code {code}.')
        return
    cfg.resume = resume
    train(cfg)
