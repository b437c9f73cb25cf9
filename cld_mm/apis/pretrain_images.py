"""pretrain: from images to a trained backbone, with every other choice made."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .pretraining.backbones import backbone_config
from .pretraining.methods import find_method
from .pretraining.plan import (
    Plan,
    choose_batch_size,
    choose_groups,
    choose_learning_rate,
    choose_momentum,
    choose_queue,
    choose_workers,
)

REQUEST = 'request.json'
# Seconds for starting and for writing the last checkpoint.
RESERVE = 8.0
DEFAULT_EPOCHS = 200


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
    backbone: str = 'resnet50',
    init: str | Path | None = None,
    size: int = 224,
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
    options: dict[str, Any] | None = None,
    report: Callable[[str], object] = print,
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
        backbone: such as 'resnet50', or any name of mmpretrain or timm.
        init: weights to start from, of this or another project.
        size: side of the views in pixels.
        seconds: time for everything; the schedule ends with it.
        epochs: instead of ``seconds``; 200 if neither is given.
        devices: how many GPUs or processes; all GPUs by default.
        batch_size, lr, workers, precision, num_groups, queue_len: override what is
            chosen; batch size and workers are per device.
        seed: of everything random.
        options: further settings of the config, by dotted keys.
        report: is called with each line to show.

    Raises:
        FileNotFoundError: there are no such data or weights.
        ValueError: a setting is invalid, or the time too short for one epoch. Nothing
            is written.
    """
    started = time.monotonic()
    sources = [data] if isinstance(data, (str, Path)) else list(data)
    sources = [str(one) for one in sources]
    name = Path(sources[0]).expanduser().resolve().name.partition('.')[0]
    out = Path('pretrained') / name if out is None else Path(out)
    request = {
        'data': [str(Path(one).expanduser().resolve()) for one in sources],
        **{'method': method, 'backbone': backbone, 'size': size, 'seed': seed},
        **{'init': None if init is None else str(init), 'seconds': seconds},
        **{'epochs': epochs, 'devices': devices, 'batch_size': batch_size, 'lr': lr},
        **{'workers': workers, 'precision': precision, 'num_groups': num_groups},
        **{'queue_len': queue_len, 'options': options or {}},
    }
    resume = used_before(out, request)
    config = out / 'config.py'
    if not resume:
        plan = first_choices(sources, method, backbone, init, size, devices, seed)
        given = {'batch_size': batch_size, 'lr': lr, 'workers': workers}
        given |= {'precision': precision, 'num_groups': num_groups}
        given |= {'queue_len': queue_len}
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


def first_choices(
    data: list[str],
    method: str,
    backbone: str,
    init: str | Path | None,
    size: int,
    devices: int | None,
    seed: int,
) -> Plan:
    """The plan so far, after all names and paths were checked."""
    import cld_mm.registry  # noqa: F401, I001
    from mmengine.registry import DefaultScope
    import torch
    from cld_mm.datasets.image_source import build_image_dataset

    find_method(method)
    if size < 8:
        raise ValueError(f'--size must be at least 8 pixels, got {size}.')
    config = backbone_config(backbone, size)
    if init is not None and not Path(init).expanduser().exists():
        raise FileNotFoundError(f'the weights {init} do not exist.')
    DefaultScope.get_instance('cld_mm-pretrain', scope_name='cld_mm')
    dataset = build_image_dataset(data, with_label=False)
    check_readable(dataset)
    gpus = torch.cuda.device_count()
    return Plan(
        data=data,
        num_images=len(dataset),
        method=method,
        backbone=backbone,
        backbone_config=config,
        init=None if init is None else str(Path(init).expanduser().resolve()),
        size=size,
        devices=max(1, gpus) if devices is None else devices,
        seed=seed,
    )


def check_readable(dataset: Any, tries: int = 20) -> None:
    """Raise a ValueError where none of some images of a dataset can be read."""
    from cld_mm.datasets.stored_images import stored_image

    step = max(1, len(dataset) // tries)
    reason = ''
    for index in range(0, len(dataset), step):
        try:
            stored_image(dataset, index)
            return
        except OSError as error:
            reason = reason or str(error)
    raise ValueError(f'no image could be read; the first: {reason}')


def resolve(
    plan: Plan,
    given: dict[str, Any],
    epochs: int | None,
    seconds: float | None,
    started: float,
    options: dict[str, Any] | None,
    out: Path,
    report: Callable[[str], object],
) -> Any:
    """Fill in the plan, by measuring where it must be; the config."""
    from mmengine.config import Config

    from cld_mm.distributed.process_group import has_accelerator

    from .pretraining import measure
    from .pretraining.recipe import build_config

    accelerator = has_accelerator()
    model = build_backbone(plan)
    plan.channels = measure.feature_size(model.backbone, plan.size)
    method, with_cld = find_method(plan.method)
    most = measure.most_images(model, method.views[with_cld], plan.size)
    del model
    plan.batch_size = given['batch_size'] or choose_batch_size(plan, most, accelerator)
    if plan.global_batch > plan.num_images:
        raise ValueError(
            f'a batch of {plan.global_batch} images is more than the '
            f'{plan.num_images} there are: lower --batch-size.'
        )
    given_workers = given['workers']
    plan.workers = (
        choose_workers(plan.devices) if given_workers is None else given_workers
    )
    plan.precision = given['precision'] or default_precision()
    plan.lr = given['lr'] or choose_learning_rate(plan)
    plan.queue_len = given['queue_len'] or choose_queue(plan)
    plan.num_groups = given['num_groups'] or choose_groups(plan)
    for name, value in given.items():
        if value is not None:
            plan.reasons[name] = 'given'
    plan.epochs = epochs or DEFAULT_EPOCHS
    plan.reasons['epochs'] = 'given' if epochs else 'the default'
    plan.momentum = choose_momentum(plan.epochs * plan.iterations)

    def config() -> Any:
        cfg = Config(build_config(plan))
        cfg.work_dir = str(out)
        cfg.launcher = 'none'
        cfg.merge_from_dict(options or {})
        return cfg

    if seconds is not None:
        plan.epochs = epochs_in(config(), plan, seconds, started, report)
        plan.momentum = choose_momentum(plan.epochs * plan.iterations)
    return config()


def build_backbone(plan: Plan) -> Any:
    """The backbone alone, with its initial weights, on the device that trains it."""
    import torch
    from mmengine.device import get_device
    from torch import nn

    from cld_mm.registry import MODELS

    torch.manual_seed(plan.seed)
    holder = nn.Module()
    holder.backbone = MODELS.build(plan.backbone_cfg())
    if plan.init is not None:
        from cld_mm.fileio.weight_files import read_weights
        from cld_mm.fileio.weight_loading import load_weights

        load_weights(holder.backbone, read_weights(plan.init), plan.init)
    return holder.to(get_device())


def default_precision() -> str:
    """bfloat16 or float16 on GPUs, float32 on CPUs."""
    import torch

    if not torch.cuda.is_available():
        return 'float32'
    return 'bfloat16' if torch.cuda.is_bf16_supported() else 'float16'


def epochs_in(
    cfg: Any,
    plan: Plan,
    seconds: float,
    started: float,
    report: Callable[[str], object],
) -> int:
    """How many epochs fit in the time that is left, by training for a moment.

    Raises:
        ValueError: not even one does.
    """
    import tempfile

    from cld_mm.engine.build import build_runner

    from .pretraining.measure import seconds_per_iteration

    limit = min(60.0, max(5.0, seconds / 10))
    report(f'Measuring the speed for {limit:.0f} s ...')
    with tempfile.TemporaryDirectory() as folder:
        trial = cfg.copy()
        trial.work_dir = folder
        trial.custom_hooks = []
        trial.log_level = 'ERROR'
        per_iteration = trial_speed(build_runner, trial, limit, seconds_per_iteration)
    left = seconds - (time.monotonic() - started) - RESERVE
    epoch = per_iteration * plan.iterations
    epochs = int(left / epoch)
    if epochs < 1:
        raise ValueError(
            f'{seconds:.0f} s are too short for one epoch, which takes {epoch:.0f} s '
            f'after {seconds - left:.0f} s of preparation: give more --time, or a '
            'smaller --size or --backbone.'
        )
    plan.reasons['epochs'] = (
        f'{per_iteration:.2f} s per iteration, {left:.0f} of {seconds:.0f} s left'
    )
    return epochs


def trial_speed(build: Any, cfg: Any, limit: float, measure: Any) -> float:
    """Seconds per iteration of a config."""
    runner = build(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner._init_model_weights()
    runner.model.train()
    return measure(runner, limit)


def _train(config: Path, resume: bool) -> None:
    from mmengine.config import Config

    from .pretraining.train import train, train_on_devices

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
