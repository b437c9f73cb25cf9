"""What tools that evaluate a pre-trained network share: config, data and weights.

Importing this is quick; torch and mmengine are imported when a function needs them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .run_tool import run_tool, set_loader_defaults

if TYPE_CHECKING:
    from mmengine.config import Config

HOW_TO_LABEL = (
    'Give class folders (one subfolder of images per class) with --train-data FOLDER '
    '--test-data FOLDER.'
)


def prepare_frozen(cfg: 'Config', args: argparse.Namespace) -> None:
    """Make a pre-training config ready to evaluate ``args.checkpoint``.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: neither the config nor the flags name labeled images.
    """
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'the checkpoint {args.checkpoint} does not exist.')
    if args.train_data or args.test_data:
        _use_class_folders(cfg, args)
    if (cfg.get('test_cfg') or {}).get('type') != 'KNNLoop':
        raise ValueError(
            f'{args.config} names no labeled images, which this evaluation needs '
            f"(test_cfg is not of type 'KNNLoop'). {HOW_TO_LABEL}"
        )
    set_loader_defaults(cfg, args, persistent=False)
    cfg.load_from = args.checkpoint


def _use_class_folders(cfg: 'Config', args: argparse.Namespace) -> None:
    if not (args.train_data and args.test_data):
        raise ValueError('give both --train-data and --test-data.')
    from cld_mm.evaluation.test_data import test_transform

    steps = test_transform(cfg)
    if not any('Load' in step['type'] for step in steps):
        raise ValueError(
            '--train-data: this config reads images from arrays, not from files.'
        )

    def loader(folder: str) -> dict[str, Any]:
        return {
            'batch_size': 64,
            'num_workers': 2,
            'sampler': {'type': 'SeededSampler', 'shuffle': False},
            'dataset': {'type': 'ImageFolder', 'data_root': folder, 'pipeline': steps},
        }

    cfg.test_dataloader = loader(args.test_data)
    cfg.test_evaluator = {'type': 'Accuracy', 'topk': (1,)}
    cfg.test_cfg = {
        'type': 'KNNLoop',
        'stage': 'test',
        'train_dataloader': loader(args.train_data),
    }


def load_weights(runner: Any) -> None:
    """Load ``load_from`` into the runner's model, to evaluate it.

    Raises:
        ValueError: weights are missing of which figures would be made.
    """
    from cld_mm.distributed.unwrap_model import unwrap_model

    path = runner._load_from
    runner.load_checkpoint(path)
    model = unwrap_model(runner.model)
    if 'head' in model.random_parts and not hasattr(model, 'extract_features'):
        raise ValueError(
            f"{path} lacks the weights of the classifier ('head'): its accuracy would "
            'be that of a random one; give the checkpoint of a trained probe.'
        )


def frozen_features(runner: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Load the weights and extract all features, on every rank.

    Returns:
        The test loop, with both datasets and the kNN settings; features of its training
        images, by kind, with their labels; and the same of the test images.

    Raises:
        ValueError: images are not labeled, or the weights do not fit.
    """
    from cld_mm.evaluation.feature_extraction import extract_features

    loop = runner.test_loop  # builds the datasets and checks that they are labeled
    runner.call_hook('before_run')
    load_weights(runner)
    train = extract_features(runner.model, loop.train_dataloader)
    return loop, train, extract_features(runner.model, loop.dataloader)


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
