"""finetune: a classifier from a trained backbone and labeled images."""

from pathlib import Path
from typing import Any

from .pretraining.plan import choose_workers
from .runs import find_checkpoint


def finetune(
    checkpoint: str | Path,
    data: str | Path,
    out: str | Path = 'fine-tuned',
    test: str | Path | None = None,
    config: str | Path | None = None,
    size: int | None = None,
    epochs: int = 20,
    batch_size: int | None = None,
    lr: float | None = None,
    workers: int | None = None,
    seed: int = 0,
    options: dict[str, Any] | None = None,
) -> Path:
    """Train a classifier; all weights of the backbone are trained, at a tenth the rate.

    Args:
        checkpoint: of a pre-training run, or its folder.
        data: labeled images: class folders (with train and test or val inside, or a
            fifth is held out), a list or CSV file, shards.
        out: new folder; gets ``config.py``, which tools/train.py runs.
        test: labeled test images, if they are not in ``data``.
        config: the run's config, if the checkpoint lacks it.
        size: side of the images; by default that of pre-training.
        epochs: of training.
        batch_size, lr, workers: chosen if None.
        seed: of everything random.
        options: further settings of the config, by dotted keys.

    Returns:
        The classifier's checkpoint.

    Raises:
        FileNotFoundError: there is no such checkpoint or data.
        ValueError: images have no labels, ``out`` is not empty, or an option names
            nothing.
    """
    import cld_mm.registry  # noqa: F401, I001
    from mmengine.config import Config

    from cld_mm.config.check_values import check_config
    from cld_mm.config.command_line_overrides import apply_options
    from cld_mm.datasets.image_source import build_image_dataset, split_folders
    from cld_mm.registry import enter_scope

    from .encoder import init_model
    from .pretraining.measure import feature_size
    from .pretraining.train import train

    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise ValueError(f'{out} is not empty: give another --out.')
    found = find_checkpoint(checkpoint)
    model = init_model(config or found, found if config else None, size, device='cpu')
    enter_scope('cld_mm')
    data, test = split_folders(Path(data).expanduser(), test)
    dataset = build_image_dataset(data, with_label=True)
    classes = list(dataset.metainfo.get('classes') or [])
    if len(classes) < 2:
        raise ValueError(f'{data} has {len(classes)} class(es): at least 2 are needed.')
    number = len(dataset) if test else len(dataset) * 4 // 5
    batch = batch_size or max(2, min(64, number // 4))
    resolved = Config(
        _config(
            {**model.backbone_config, 'init_cfg': _init(found)},
            feature_size(model.backbone, model.size, model.in_channels),
            str(Path(data).expanduser().resolve()),
            None if test is None else str(Path(test).expanduser().resolve()),
            classes,
            model.size,
            model.mean.flatten().tolist(),
            model.std.flatten().tolist(),
            model.in_channels == 3 and not model.bgr,
            epochs,
            batch,
            lr or 0.1 * batch / 256,
            choose_workers(1) if workers is None else workers,
            seed,
        )
    )
    resolved.work_dir = str(out)
    apply_options(resolved, options or {})
    check_config(resolved)
    out.mkdir(parents=True, exist_ok=True)
    resolved.dump(out / 'config.py')
    train(Config.fromfile(out / 'config.py'))
    return find_checkpoint(out)


def _init(checkpoint: Path) -> dict[str, Any]:
    return {'type': 'Pretrained', 'checkpoint': str(checkpoint.resolve())}


def _config(
    backbone: dict[str, Any],
    channels: int,
    data: str,
    test: str | None,
    classes: list[str],
    size: int,
    mean: list[float],
    std: list[float],
    to_rgb: bool,
    epochs: int,
    batch: int,
    lr: float,
    workers: int,
    seed: int,
) -> dict[str, Any]:
    view = {
        'type': 'RandomView',
        'size': size,
        'scale': (0.2, 1.0),
        'channel_order': 'bgr',
    }
    load = {'type': 'LoadImage', 'bands': 'auto' if len(mean) == 3 else 'all'}
    train_steps = [load, view, {'type': 'PackInputs'}]
    edge = round(size * 256 / 224)
    backend = 'pillow' if len(mean) == 3 else 'cv2'  # Pillow has no float bands
    test_steps = [
        load,
        {'type': 'ResizeEdge', 'scale': edge, 'edge': 'short', 'backend': backend},
        {'type': 'CenterCrop', 'crop_size': size},
        {'type': 'PackInputs'},
    ]
    images = {'type': 'ImageSource', 'data': [data], 'with_label': True}
    if test is None:
        split = {'type': 'HeldOut', 'fraction': 0.2, 'seed': seed}
        fit = {**split, 'part': 'fit', 'dataset': {**images, 'pipeline': train_steps}}
        held = {**images, 'pipeline': test_steps}
        held = {**split, 'part': 'held_out', 'dataset': held}
    else:
        fit = {**images, 'pipeline': train_steps}
        held = {**images, 'data': [test], 'pipeline': test_steps}
    loader = {
        'num_workers': workers,
        'persistent_workers': workers > 0,
        'collate_fn': {'type': 'default_collate'},
    }
    from .pretraining.recipe import common_runtime

    head = {
        'type': 'LinearClsHead',
        'num_classes': len(classes),
        'in_channels': channels,
        'topk': (1,),
    }
    cosine = {'type': 'CosineAnnealingLR', 'T_max': epochs, 'begin': 0, 'end': epochs}
    return {
        **common_runtime(seed, epochs, interval=20),
        'model': {
            'type': 'ImageClassifier',
            'data_preprocessor': {
                'num_classes': len(classes),
                'mean': mean,
                'std': std,
                'to_rgb': to_rgb,
            },
            'backbone': backbone,
            'neck': {'type': 'PooledFeatures'},
            'head': head,
        },
        'train_dataloader': {
            **loader,
            'batch_size': batch,
            'drop_last': True,
            'sampler': {'type': 'SeededSampler', 'shuffle': True},
            'dataset': fit,
        },
        'val_dataloader': {
            **loader,
            'batch_size': batch,
            'sampler': {'type': 'SeededSampler', 'shuffle': False},
            'dataset': held,
        },
        'val_evaluator': {'type': 'Accuracy', 'topk': (1,)},
        'val_cfg': {},
        'test_dataloader': None,
        'test_cfg': None,
        'test_evaluator': None,
        'train_cfg': {
            'type': 'ResumableEpochLoop',
            'max_epochs': epochs,
            'val_interval': max(1, epochs // 5),
        },
        'optim_wrapper': {
            'type': 'OptimWrapper',
            'optimizer': {
                'type': 'SGD',
                'lr': lr,
                'momentum': 0.9,
                'weight_decay': 1e-4,
            },
            'paramwise_cfg': {'custom_keys': {'backbone': {'lr_mult': 0.1}}},
        },
        'param_scheduler': {**cosine, 'by_epoch': True, 'convert_to_iter_based': True},
    }
