"""What tools that evaluate a pre-trained network share: config and weights."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .run_tool import run_tool, set_loader_defaults

if TYPE_CHECKING:
    from mmengine.config import Config


def prepare_frozen(cfg: 'Config', args: argparse.Namespace) -> None:
    """Make a pre-training config ready to load ``args.checkpoint``.

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


def load_weights(runner: Any) -> None:
    """Load ``load_from`` into the runner's model, and make sure that it did.

    Raises:
        ValueError: the file is no checkpoint, or it lacks weights of the backbone,
            which mmengine only warns about: figures would be a random network's.
    """
    from mmengine.model import is_model_wrapper

    path = runner._load_from
    checkpoint = runner.load_checkpoint(path)
    runner._has_loaded = True
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    given = checkpoint.get('state_dict', checkpoint)
    lacking = [
        name
        for name, weight in model.state_dict().items()
        if name.startswith(('backbone.', 'algorithm.backbone.'))
        and getattr(given.get(name), 'shape', None) != weight.shape
    ]
    if lacking:
        raise ValueError(
            f"{path} lacks {len(lacking)} of the backbone's weights, {lacking[0]} for "
            'one: it is not a checkpoint of this config.'
        )


def load_frozen(runner: Any) -> Any:
    """Load the weights; the test loop, with both data sets and the kNN settings."""
    loop = runner.test_loop
    runner.call_hook('before_run')
    load_weights(runner)
    return loop


def run_frozen(
    args: argparse.Namespace, work: Callable[[Any, argparse.Namespace], object]
) -> None:
    """Build the runner of a frozen network and hand it to ``work``."""
    run_tool(
        args,
        lambda cfg: prepare_frozen(cfg, args),
        ('test_dataloader', 'test_cfg'),  # kNN's training images are in the latter
        lambda runner: work(runner, args),
    )
