"""finetune: a classifier from a trained backbone and labeled images."""

from pathlib import Path
from typing import Any

from .pretraining.measure import feature_size
from .pretraining.plan import choose_workers
from .pretraining.recipe import common_runtime
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
    from .run_config import train

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
    fit, held_out = _datasets(model, data, test, seed)
    workers = choose_workers(1) if workers is None else workers
    loader = {
        'batch_size': batch,
        'num_workers': workers,
        'persistent_workers': workers > 0,
        'collate_fn': {'type': 'default_collate'},
    }
    resolved = Config(
        {
            **common_runtime(seed, epochs, interval=20),
            **_training(epochs, lr or 0.1 * batch / 256),
            'model': _classifier(model, found, len(classes)),
            'train_dataloader': {
                **loader,
                'drop_last': True,
                'sampler': {'type': 'SeededSampler', 'shuffle': True},
                'dataset': fit,
            },
            'val_dataloader': {
                **loader,
                'sampler': {'type': 'SeededSampler', 'shuffle': False},
                'dataset': held_out,
            },
        }
    )
    resolved.work_dir = str(out)
    apply_options(resolved, options or {})
    check_config(resolved)
    out.mkdir(parents=True, exist_ok=True)
    resolved.dump(out / 'config.py')
    train(Config.fromfile(out / 'config.py'))
    return find_checkpoint(out)


def _classifier(model: Any, checkpoint: Path, num_classes: int) -> dict[str, Any]:
    """The encoder's backbone with its trained weights, and a linear head."""
    weights = {'type': 'Pretrained', 'checkpoint': str(checkpoint.resolve())}
    return {
        'type': 'ImageClassifier',
        'data_preprocessor': {
            'num_classes': num_classes,
            'mean': model.mean.flatten().tolist(),
            'std': model.std.flatten().tolist(),
            'to_rgb': model.in_channels == 3 and not model.bgr,
        },
        'backbone': {**model.backbone_config, 'init_cfg': weights},
        'neck': {'type': 'PooledFeatures'},
        'head': {
            'type': 'LinearClsHead',
            'num_classes': num_classes,
            'in_channels': feature_size(model.backbone, model.size, model.in_channels),
            'topk': (1,),
        },
    }


def _datasets(model: Any, data: Any, test: Any, seed: int) -> tuple[dict, dict]:
    """Training images, and test images or a held-out fifth, for the encoder's input."""
    is_rgb = len(model.mean) == 3
    load = {'type': 'LoadImage', 'bands': 'auto' if is_rgb else 'all'}
    view = {'type': 'RandomView', 'size': model.size, 'scale': (0.2, 1.0)}
    resize = {'type': 'ResizeEdge', 'scale': round(model.size * 256 / 224)}
    # Pillow has no float bands.
    resize |= {'edge': 'short', 'backend': 'pillow' if is_rgb else 'cv2'}
    crop = {'type': 'CenterCrop', 'crop_size': model.size}
    pack = {'type': 'PackInputs'}

    def images(source: Any, *steps: dict) -> dict[str, Any]:
        path = str(Path(source).expanduser().resolve())
        kind = {'type': 'ImageSource', 'data': [path], 'with_label': True}
        return {**kind, 'pipeline': [load, *steps, pack]}

    fit = images(data, {**view, 'channel_order': 'bgr'})
    held_out = images(test or data, resize, crop)
    if test is None:
        split = {'type': 'HeldOut', 'fraction': 0.2, 'seed': seed}
        fit = {**split, 'part': 'fit', 'dataset': fit}
        held_out = {**split, 'part': 'held_out', 'dataset': held_out}
    return fit, held_out


def _training(epochs: int, lr: float) -> dict[str, Any]:
    """Loops, optimizer and schedule; the backbone learns at a tenth of the rate."""
    sgd = {'type': 'SGD', 'lr': lr, 'momentum': 0.9, 'weight_decay': 1e-4}
    cosine = {'type': 'CosineAnnealingLR', 'T_max': epochs, 'begin': 0, 'end': epochs}
    return {
        'train_cfg': {
            'type': 'ResumableEpochLoop',
            'max_epochs': epochs,
            'val_interval': max(1, epochs // 5),
        },
        'val_cfg': {},
        'val_evaluator': {'type': 'Accuracy', 'topk': (1,)},
        'test_dataloader': None,
        'test_cfg': None,
        'test_evaluator': None,
        'optim_wrapper': {
            'type': 'OptimWrapper',
            'optimizer': sgd,
            'paramwise_cfg': {'custom_keys': {'backbone': {'lr_mult': 0.1}}},
        },
        'param_scheduler': {**cosine, 'by_epoch': True, 'convert_to_iter_based': True},
    }
