"""A sample of evaluation images, and what a checkpoint makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor

from cld_mm.datasets.stored_images import stored_image
from cld_mm.evaluation.feature_extraction import extract_features
from cld_mm.fileio.model_weights import load_model_weights, missing_parts
from cld_mm.fileio.weight_files import read_weights
from cld_mm.registry import DATASETS, MODELS


@dataclass
class Sample:
    """Images to look at.

    Attributes:
        cfg: the run's config.
        dataset: the chosen images, in the evaluation's transform.
        names: of the classes.
        labels: ``(N,)``.
    """

    cfg: Config
    dataset: Any
    names: list[str]
    labels: np.ndarray

    def image(self, place: int, side: int | None = None) -> np.ndarray:
        """An image as it is stored, ``(H, W)`` or ``(H, W, 3)`` RGB bytes."""
        return stored_image(self.dataset, place, side)

    def features(self, checkpoint: Path | None) -> dict[str, Tensor]:
        """Features ``(N, C)`` of each kind by a checkpoint, or by a fresh network."""
        model = build_model(self.cfg, checkpoint)
        loader = Runner.build_dataloader(
            {
                'batch_size': min(100, len(self.dataset)),
                'num_workers': 0,
                'dataset': self.dataset,
                'sampler': {'type': 'SeededSampler', 'shuffle': False},
                'collate_fn': {'type': 'default_collate'},
            }
        )
        found = extract_features(model, loader)
        return {name: value for name, value in found.items() if name != 'labels'}


def take_sample(cfg: Config, number: int) -> Sample:
    """Evenly spread images of a config's test data.

    Raises:
        ValueError: ``number`` is below 3, or the config has no test data.
    """
    if number < 3:
        raise ValueError(f'{number} images are too few to look at: take three or more.')
    if cfg.get('test_dataloader') is None:
        raise ValueError('the config has no test_dataloader, whose images are shown.')
    enter_scope(cfg)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    places = np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round()
    dataset = dataset.get_subset([int(place) for place in places])
    labels = np.array([_label(dataset.get_data_info(i)) for i in range(len(dataset))])
    classes = dataset.metainfo.get('classes') or []
    count = max(len(classes), int(labels.max()) + 1)
    names = [str(classes[i]) if i < len(classes) else str(i) for i in range(count)]
    return Sample(cfg, dataset, names, labels)


def _label(info: dict) -> int:
    return int(np.asarray(info.get('gt_label', 0)))


def enter_scope(cfg: Config) -> None:
    """Let names in the config mean this project's parts."""
    scope = cfg.get('default_scope') or 'cld_mm'
    if DefaultScope.get_current_instance() is None:
        DefaultScope.get_instance('cld_mm-look', scope_name=scope)


def build_model(cfg: Config, checkpoint: Path | None) -> Any:
    """The config's model on the best device, with the checkpoint's weights.

    Raises:
        ValueError: the backbone's weights are missing.
    """
    enter_scope(cfg)
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        torch.manual_seed(0)
        model.init_weights()
    else:
        report = load_model_weights(model, read_weights(checkpoint), str(checkpoint))
        model.random_parts = missing_parts(report)
    return model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()


def config_file(work_dir: Path) -> Path:
    """The config that a work dir's newest run dumped.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(work_dir.glob('*/vis_data/config.py')) or sorted(
        work_dir.glob('*.py')
    )
    if not found:
        raise FileNotFoundError(
            f'{work_dir} has no dumped config: name the work dir of a training run.'
        )
    return found[-1]


def checkpoints_of(work_dir: Path) -> dict[int, Path]:
    """Checkpoints of a work dir by epoch, or by iteration where it counts those."""
    for kind in ('epoch', 'iter'):
        found = {
            int(path.stem.split('_')[1]): path
            for path in work_dir.glob(f'{kind}_*.pth')
            if path.stem.split('_')[1].isdigit()
        }
        if found:
            return dict(sorted(found.items()))
    return {}


def neighbours(features: Tensor, queries: Sequence[int], number: int) -> np.ndarray:
    """Places ``(Q, number)`` of the nearest other images by cosine."""
    unit = torch.nn.functional.normalize(features, dim=1)
    cosine = unit[list(queries)] @ unit.t()
    cosine[torch.arange(len(queries)), torch.tensor(list(queries))] = -torch.inf
    return cosine.topk(min(number, len(unit) - 1), dim=1).indices.numpy()
