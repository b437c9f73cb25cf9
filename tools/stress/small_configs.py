"""Tiny configs of every recipe, for small_runs.py."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from cld_mm.config.tree import walk_value
from cld_mm.datasets.preparation.fashion_mnist import fetch
from tools.stress.cases import CASES, FINE_TUNE, PROBE, SWAV_HOOK, SWEEP

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 24


def config(
    case: str,
    folder: Path,
    data: Path,
    epochs: int = 3,
    workers: int = 0,
    seed: int = 0,
    **changes: Any,
) -> Config:
    """A tiny run of one of the project's recipes.

    Args:
        case: a key of CASES.
        folder: work dir.
        data: folder in Fashion-MNIST's layout.
        epochs: to train; 4 batches each, over all ranks.
        workers: of the loader.
        seed: of the run.
        **changes: settings, with ``__`` for a dot.
    """
    name, settings = CASES[case]
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    probe = name in (PROBE, SWEEP, FINE_TUNE)
    backbone = f'model.{"algorithm." if "algorithm" in cfg.model else ""}backbone'
    cfg.merge_from_dict(
        {
            'work_dir': str(folder),
            'launcher': 'none',
            'randomness': {'seed': seed},
            'train_cfg.max_epochs': epochs,
            'train_cfg.val_interval': 2,
            'train_dataloader.num_workers': workers,
            'train_dataloader.persistent_workers': workers > 0,
            'default_hooks.checkpoint.interval': 1,
            'default_hooks.checkpoint.every_iters': 2,
            'default_hooks.checkpoint.exchange_interval': 1,
            'default_hooks.logger.interval': 100,
            f'{backbone}.stem_channels': 4,
            f'{backbone}.base_channels': 4,
            'visualizer.vis_backends': [],
            'log_level': 'ERROR',
            **settings,
        }
    )
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        _small(cfg[loader].dataset, data)
    if probe:
        cfg.model.backbone.init_cfg = None
        cfg.model.head.in_channels = 32
        if name == SWEEP:
            cfg.default_hooks.checkpoint.update(save_best='sweep/3', rule='greater')
        else:
            cfg.default_hooks.checkpoint.save_best = 'auto'
        # Averages replace the weights while they are evaluated.
        average = {'type': 'EMAHook', 'momentum': 0.1}
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), average]
        # Of two ranks one has a batch less.
        cfg.val_dataloader.batch_size = 11
        cfg.val_dataloader.sampler.round_up = False
        if name == SWEEP:  # an image of each of ten classes is held out
            for loader in (cfg.train_dataloader, cfg.val_dataloader):
                loader.dataset.dataset.indices = IMAGES + 10
        else:
            cfg.val_dataloader.dataset.indices = IMAGES - 1
        # Augmentations of mmpretrain's, which draw from running random states.
        augment = {'type': 'RandomCrop', 'crop_size': 28, 'padding': 4}
        whole = cfg.train_dataloader.dataset
        whole = whole.get('dataset', whole)
        whole.pipeline = [augment, {'type': 'RandomFlip', 'prob': 0.5}, *whole.pipeline]
        if name == FINE_TUNE:
            cfg.train_dataloader.dataset.update(fraction=1.0)
    else:
        for loop in (cfg.val_cfg, cfg.test_cfg):
            _small(loop.train_dataloader.dataset, data)
            loop.k = 5
        for node in walk_value(cfg.model, 'model'):
            # Necks on a backbone of width 4 read 32 channels, not the recipe's 128.
            if isinstance(node.value, dict) and node.value.get('in_channels') == 128:
                node.value['in_channels'] = 32
        if cfg.model.type == 'NPID':
            cfg.model.num_images = IMAGES
        elif cfg.model.type not in ('BYOL', 'CrossLevel'):
            cfg.model.queue_len = 40
        if cfg.model.get('cld'):
            cfg.model.cld.grouping.num_groups = 3
    cfg.merge_from_dict({key.replace('__', '.'): v for key, v in changes.items()})
    if case == 'swav_cld':
        size = cfg.train_dataloader.batch_size
        cfg.custom_hooks = [*cfg.custom_hooks, {**SWAV_HOOK, 'batch_size': size}]
    return cfg


def _small(dataset: Any, data: Path) -> None:
    dataset = dataset.get('dataset', dataset)
    dataset.indices, dataset.data_root = IMAGES, str(data)


def digits(folder: Path) -> Path:
    """Real 8×8 digits in Fashion-MNIST's layout; no network needed."""
    fetch(folder, 'digits')
    return folder
