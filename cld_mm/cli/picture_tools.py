"""What the tools that draw the features of a checkpoint share."""

import argparse
from pathlib import Path

import torch
from mmengine.config import Config
from torch.nn import functional as F

from cld_mm.apis.inference import build_model
from cld_mm.evaluation.image_sample import ImageSample, take_sample

from .run_tool import load_config


def sample_of(args: argparse.Namespace) -> tuple[Config, ImageSample]:
    """The config and the sample, once paths are checked.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the config names no images.
    """
    check_paths(args)
    cfg = load_config(args)
    return cfg, take_sample(cfg, args.images)


def unit_features(
    args: argparse.Namespace, cfg: Config, sample: ImageSample, checkpoint: Path | None
) -> torch.Tensor:
    """Unit features ``(N, C)`` of the sample by a checkpoint, on the CPU.

    Args:
        args: flags; ``feature`` is the kind of feature.
        cfg: config of the network.
        sample: images.
        checkpoint: None for a randomly initialized network.

    Raises:
        ValueError: the model has no such kind of feature, or features are not finite.
    """
    features = sample.features(build_model(cfg, checkpoint))
    if args.feature not in features:
        raise ValueError(
            f'--feature {args.feature}: this model gives {", ".join(features)}.'
        )
    found = features[args.feature].cpu()
    if not found.isfinite().all():
        raise ValueError(
            f'{checkpoint} gives features that are not finite: training diverged, so '
            'choose an earlier checkpoint.'
        )
    return F.normalize(found, dim=1)


def check_paths(args: argparse.Namespace) -> None:
    """Check the checkpoint and the picture's name.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the picture's suffix is neither .png nor .svg.
    """
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'the checkpoint {args.checkpoint} does not exist.')
    check_picture(args.out)


def check_picture(out: Path) -> None:
    """Make the picture's folder.

    Raises:
        ValueError: its suffix is neither .png nor .svg.
    """
    if out.suffix not in ('.png', '.svg'):
        raise ValueError(f'--out {out}: a picture ends in .png or .svg.')
    out.parent.mkdir(parents=True, exist_ok=True)
