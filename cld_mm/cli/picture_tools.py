"""What the tools that draw a checkpoint's features share."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import add_common_flags
from .run_tool import load_config

if TYPE_CHECKING:
    import torch

    from cld_mm.apis.inference import Sample


def viewer_parser(description: str, out: str) -> argparse.ArgumentParser:
    """A parser with config, checkpoint, sample size, kind of feature and picture."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    parser.add_argument('--images', type=int, default=1000, help='images of the sample')
    parser.add_argument('--feature', default='backbone', help='backbone or instance')
    parser.add_argument('--out', type=Path, default=Path(out), help='PNG or SVG file')
    return parser


def sample_and_features(args: argparse.Namespace) -> 'tuple[Sample, torch.Tensor]':
    """The sample, and its unit features ``(N, C)`` on the CPU.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the model has no such kind of feature, or features are not finite.
    """
    from torch.nn import functional as F

    from cld_mm.apis.inference import take_sample

    check_paths(args)
    sample = take_sample(load_config(args), args.images)
    features = sample.features(args.checkpoint)
    if args.feature not in features:
        raise ValueError(
            f'--feature {args.feature}: this model gives {", ".join(features)}.'
        )
    found = features[args.feature].cpu()
    if not found.isfinite().all():
        raise ValueError(
            f'{args.checkpoint} gives features that are not finite: its training has '
            'gone wrong, so take an earlier checkpoint.'
        )
    return sample, F.normalize(found, dim=1)


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
