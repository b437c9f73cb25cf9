"""What tools that look at a pre-trained network share: config and weights."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .launch import run_tool, set_loader_defaults


def prepare_frozen(cfg: Config, args: argparse.Namespace) -> None:
    """Make a pre-training config ready to load ``args.checkpoint`` and look at it.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the config does not name labelled training images.
    """
    set_loader_defaults(cfg, args, persistent=False)
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'the checkpoint {args.checkpoint} does not exist.')
    if (cfg.get('test_cfg') or {}).get('type') != 'KNNLoop':
        raise ValueError(
            f"{args.config} has no test_cfg of type 'KNNLoop', which names labelled "
            'training images: give the config of a pre-training run.'
        )
    cfg.load_from = args.checkpoint


def load_frozen(runner: Any) -> Any:
    """Load the weights; the test loop, with both data sets and the kNN settings."""
    loop = runner.test_loop
    runner.call_hook('before_run')
    runner.load_or_resume()
    return loop


def run_frozen(
    args: argparse.Namespace, work: Callable[[Any, argparse.Namespace], object]
) -> None:
    """Build the runner of a frozen network and hand it to ``work``."""
    run_tool(
        args,
        lambda cfg: prepare_frozen(cfg, args),
        ('test_dataloader',),
        lambda runner: work(runner, args),
    )
