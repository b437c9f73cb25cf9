"""One published row: its config, its protocol, its result and its cell in a table."""

import re
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .plan import StudyError
from .settings import scale_schedules

IN_MEMORY = ('CIFAR10', 'CIFAR100')
PROBES = {
    'infomin': 'configs/benchmarks/linear/linear_infomin_r50_imagenet.py',
    'other': 'configs/benchmarks/linear/linear_r50_imagenet.py',
}


def rows(root: Path) -> list[str]:
    """Names of the recipes that a published table has a row for."""
    return sorted(
        path.stem
        for path in (root / 'configs').glob('*.py')
        if 'fashionmnist' not in path.stem and 'folder' not in path.stem
    )


def row_config(name: str, root: Path, seed: int) -> Config:
    """A row's config; CIFAR's images in memory and its views made on the device.

    Raises:
        StudyError: there is no such row.
    """
    if name not in rows(root):
        raise StudyError(f'unknown row {name!r}; rows: {", ".join(rows(root))}.')
    cfg = Config.fromfile(root / f'configs/{name}.py')
    cfg.launcher, cfg.resume = 'none', True
    cfg.randomness.seed = seed
    loader = cfg.train_dataloader
    inner = loader.dataset.get('dataset', loader.dataset)
    if inner.type in IN_MEMORY:
        view = dict(cfg.view[0])
        for key in ('type', 'on_device', 'channel_order'):
            view.pop(key)
        views = sum(inner.pipeline[0].num_views)
        source = {k: v for k, v in loader.dataset.items() if k != 'pipeline'}
        loader.dataset = {
            'type': 'InMemoryViews',
            'num_views': views,
            **view,
            'dataset': source,
        }
        loader.collate_fn = {'type': 'whole_batch'}
        loader.num_workers, loader.persistent_workers = 0, False
    return cfg


def shorten(cfg: Config, epochs: int) -> None:
    """Train for so many epochs; the schedules keep their proportions."""
    before = cfg.train_cfg.max_epochs
    cfg.train_cfg.max_epochs = epochs
    scale_schedules(cfg, epochs / before)
    cfg.train_cfg.val_interval = min(cfg.train_cfg.get('val_interval', 1), epochs)


def probe_config(name: str, root: Path) -> Path | None:
    """The linear protocol of an ImageNet row; None where kNN is the protocol."""
    if '_r50_' not in name:
        return None
    return root / PROBES['infomin' if name.startswith('infomin') else 'other']


def keep_on_device(runner: Any, device: Any) -> None:
    """Move the images of InMemoryViews there, once."""
    dataset = runner.train_dataloader.dataset
    if type(dataset).__name__ == 'InMemoryViews':
        dataset.images = dataset.images.to(device)


def fill_ours(text: str, row: str, value: str) -> str:
    """A table's text with a row's last cell, "ours", replaced.

    Args:
        text: Markdown whose rows begin with the recipe's name in backticks.
        row: the recipe's name.
        value: of the cell.

    Raises:
        StudyError: no row has that name.
    """
    pattern = re.compile(
        rf'^(\|[^|\n]*`{re.escape(row)}`[^|\n]*\|.*\|)[^|\n]*\|\s*$', re.MULTILINE
    )
    if not pattern.search(text):
        raise StudyError(f'no table has a row `{row}`.')
    return pattern.sub(lambda found: f'{found[1]} {value} |', text)
