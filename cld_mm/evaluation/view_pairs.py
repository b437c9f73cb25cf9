"""Features of two views of training images, for alignment."""

from typing import Any, NamedTuple

import torch
from mmengine.dist import is_main_process
from mmengine.runner import BaseLoop
from torch import Tensor
from tqdm import tqdm

from cld_mm.distributed.collectives import world_size
from cld_mm.distributed.unwrap_model import unwrap_model

from .feature_extraction import features_of, joined, labels_of


class ViewPairs(NamedTuple):
    """Features of two views of N training images, on the CPU.

    Attributes:
        features: for each kind two ``(N, C)``; empty if training does not use two
            views of an image.
        labels: ``(N,)``, -1 for an image without one.
    """

    features: dict[str, tuple[Tensor, Tensor]]
    labels: Tensor


@torch.no_grad()
def extract_view_pairs(runner: Any, number: int) -> ViewPairs:
    """The first two views of some training images, encoded in eval mode.

    Images and views are chosen by the run's seed: the same on any number of ranks,
    unless views are made on the device.

    Args:
        runner: with the train_dataloader of the views and the model.
        number: of images at most.
    """
    nothing = ViewPairs({}, torch.empty(0, dtype=torch.long))
    cfg = runner.cfg.get('train_dataloader')
    if cfg is None or number < 1:
        return nothing
    cfg = {name: value for name, value in cfg.items() if name != 'batch_sampler'}
    cfg |= {'drop_last': False, 'persistent_workers': False}
    cfg['sampler'] = {'type': 'SeededSampler', 'shuffle': True}
    if isinstance(runner._train_loop, BaseLoop):  # in training: its images are at hand
        cfg['dataset'] = runner.train_dataloader.dataset
    loader = runner.build_dataloader(cfg, seed=runner.seed)
    model = unwrap_model(runner.model)
    was_training = model.training
    model.eval()
    number = min(number, len(loader.dataset))
    share = -(-number // world_size())
    parts: dict[str, list[Tensor]] = {}
    encoded = 0
    bar = tqdm(
        total=share,
        desc='views',
        unit='image',
        leave=False,
        delay=2,
        disable=None if is_main_process() else True,
    )
    try:
        for batch in loader:
            data = model.data_preprocessor(batch, False)
            views = data['inputs']
            if isinstance(views, Tensor) or len(views) < 2:
                return nothing
            both = [features_of(model, view) for view in views[:2]]
            for name in both[0]:  # N×2×C
                pair = torch.stack([both[0][name], both[1][name]], dim=1)
                parts.setdefault(name, []).append(pair)
            labels = labels_of(data.get('data_samples'), views[0])
            parts.setdefault('labels', []).append(labels)
            bar.update(len(views[0]))
            encoded += len(views[0])  # a bar that is not shown counts nothing
            if encoded >= share:
                break
    finally:
        bar.close()
        model.train(was_training)
    whole = {
        name: joined(torch.cat(rows)[:share], number) for name, rows in parts.items()
    }
    labels = whole.pop('labels')
    pairs = {name: (pair[:, 0], pair[:, 1]) for name, pair in whole.items()}
    return ViewPairs(pairs, labels)
