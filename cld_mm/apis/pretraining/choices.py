"""From what the user gave to a resolved config: check, measure, choose."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .backbones import backbone_config, is_transformer
from .methods import find_method, jigsaw_sizes
from .plan import (
    Plan,
    choose_batch_size,
    choose_groups,
    choose_learning_rate,
    choose_momentum,
    choose_queue,
    choose_size,
    choose_workers,
)
from .time_budget import epochs_in

DEFAULT_EPOCHS = 200


def first_choices(
    data: list[str],
    method: str,
    backbone: str | None,
    init: str | Path | None,
    size: int | None,
    devices: int | None,
    seed: int,
    in_channels: int | None = None,
) -> Plan:
    """The plan so far, after all names and paths were checked."""
    import cld_mm.registry  # noqa: F401, I001
    import torch

    from cld_mm.datasets.image_source import build_image_dataset
    from cld_mm.distributed.process_group import has_accelerator
    from cld_mm.registry import enter_scope

    find_method(method)
    if size is not None and size < 8:
        raise ValueError(f'--size must be at least 8 pixels, got {size}.')
    accelerator = has_accelerator()
    reasons = {}
    if backbone is None:
        backbone = 'resnet50' if accelerator else 'resnet18'
        reasons['backbone'] = 'a GPU' if accelerator else 'no GPU'
    backbone_config(backbone, size or 224)  # an unknown name is told at once
    if init is not None and not Path(init).expanduser().exists():
        raise FileNotFoundError(f'the weights {init} do not exist.')
    enter_scope('cld_mm')
    dataset = build_image_dataset(data, with_label=False)
    sides = shorter_sides(dataset)
    if size is None:
        size, reasons['size'] = choose_size(sides, accelerator)
    if in_channels is None:
        in_channels, reasons['in_channels'] = choose_channels(dataset)
    config = backbone_config(backbone, size, in_channels)
    gpus = torch.cuda.device_count()
    return Plan(
        data=data,
        num_images=len(dataset),
        method=method,
        backbone=backbone,
        backbone_config=config,
        init=None if init is None else str(Path(init).expanduser().resolve()),
        size=size,
        in_channels=in_channels,
        devices=max(1, gpus) if devices is None else devices,
        seed=seed,
        reasons=reasons,
    )


def shorter_sides(dataset: Any, tries: int = 20) -> list[int]:
    """Shorter sides of some images, spread over a dataset.

    Raises:
        ValueError: none of them can be read.
    """
    from cld_mm.datasets.stored_images import stored_image

    step = max(1, len(dataset) // tries)
    sides, reason = [], ''
    for index in range(0, len(dataset), step):
        try:
            sides.append(min(stored_image(dataset, index).shape[:2]))
        except OSError as error:
            reason = reason or str(error)
    if not sides:
        raise ValueError(f'no image could be read; the first: {reason}')
    return sides


def choose_channels(dataset: Any) -> tuple[int, str]:
    """3, or the bands of the first readable image if they are more than RGB and alpha.

    Returns:
        The number and the reason.
    """
    from cld_mm.datasets.stored_images import stored_bands

    for index in range(min(20, len(dataset))):
        try:
            bands = stored_bands(dataset, index).shape[2]
        except OSError:
            continue
        return (bands, 'bands of the images') if bands > 4 else (3, 'RGB')
    return 3, 'RGB'


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

    from cld_mm.config.check_values import check_config
    from cld_mm.config.command_line_overrides import apply_options
    from cld_mm.distributed.process_group import has_accelerator

    from . import measure
    from .recipe import build_config

    accelerator = has_accelerator()
    model = build_backbone(plan)
    plan.channels = measure.feature_size(model.backbone, plan.size, plan.in_channels)
    method, with_cld = find_method(plan.method)
    if method.name == 'infomin':  # it must take patches, too
        measure.feature_size(
            model.backbone, jigsaw_sizes(plan.size)[1], plan.in_channels
        )
    shape = (plan.in_channels, plan.size, plan.size)
    most = measure.most_images(model, method.views[with_cld], shape)
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
        apply_options(cfg, options or {})
        check_config(cfg)
        return cfg

    if seconds is not None:
        # Transformers' position embeddings are of one size.
        free = 'size' in plan.reasons and not is_transformer(plan.backbone_config)
        plan.epochs = epochs_in(config(), plan, seconds, started, report, free)
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

        backbone: Any = holder.backbone
        load_weights(backbone, read_weights(plan.init), plan.init)
    return holder.to(get_device())


def default_precision() -> str:
    """bfloat16 where a GPU or x86 CPU has it, else float16 on GPUs and float32."""
    import torch

    from cld_mm.engine.optim_wrappers import has_bfloat16

    if not torch.cuda.is_available():
        return 'bfloat16' if has_bfloat16(if_unknown=False) else 'float32'
    return 'bfloat16' if torch.cuda.is_bf16_supported() else 'float16'
