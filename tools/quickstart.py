"""Pre-train a small MoCo v2 + CLD and compare its features with pixels.

Called by quickstart.sh, which sets the environment up and fetches the data.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Pre-train and compare with pixels.')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--work-dir', help='folder for results')
    parser.add_argument('--fresh', action='store_true', help='train again')
    parser.add_argument('--verbose', action='store_true', help='show the whole log')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from mmengine.config import Config
from torch import Tensor
from torch.nn import functional as F

from cld_mm.cli.allocators import keep_freed_memory
from cld_mm.cli.command_line import command_line
from cld_mm.config.check_values import check_config, check_data
from cld_mm.datasets.preparation.fashion_mnist import origin
from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint import StoppedBySignal
from cld_mm.engine.optim_wrappers import has_bfloat16
from cld_mm.report import collect_run, take_snapshot, write_page
from cld_mm.study.compare import Comparison, comparison_table, wins
from cld_mm.study.features import Images
from cld_mm.study.settings import set_steps
from cld_mm.study.quiet import TerminalBarHook, output_to
from cld_mm.visualization import plot_curves, plot_neighbors

CONFIG = 'configs/cpu/mocov2_cld_r18_fashionmnist_quickstart.py'
DATA = 'data/fashion-mnist'
FULL_PRECISION_STEPS = 600  # in the time that 1,000 take in bfloat16
BANNER = """cld_mm quickstart: self-supervised training, then a comparison with pixels.
No label is used in training; a linear classifier and nearest neighbors judge
the features on test images, as they are and moved (shifted, rotated, scaled)."""


def load(work_dir: Path, args: argparse.Namespace) -> Config:
    """The config with this run's folder and seed."""
    cfg = Config.fromfile(ROOT / CONFIG)
    cfg.work_dir, cfg.randomness.seed, cfg.launcher = str(work_dir), args.seed, 'none'
    if not has_bfloat16():
        cfg.optim_wrapper.dtype = 'float16'  # which a CPU trains in full precision
        set_steps(cfg, FULL_PRECISION_STEPS)
    return cfg


def neighbors(comparison: Comparison, pixels: tuple, trained: tuple, out: Path) -> None:
    """Draw moved test images and their nearest training images, by both features."""
    labels, names = comparison.test_labels, comparison.names
    rows = torch.stack([(labels == c).nonzero()[0, 0] for c in labels.unique()[:8]])

    def nearest(train: Tensor, test: Tensor) -> tuple[tuple, float]:
        test, train = F.normalize(test[:2000], dim=1), F.normalize(train, dim=1)
        found = (test @ train.t()).topk(6, dim=1).indices
        right = comparison.labels[found] == labels[:2000, None]
        images = comparison.train[found[rows], 0].numpy()
        return (images, right[rows].numpy()), float(right.float().mean())

    (by_pixels, share_pixels), (by_features, share) = (
        nearest(*pixels),
        nearest(*trained),
    )
    plot_neighbors(
        comparison.tests['moved'][rows, 0].numpy(),
        [names[int(labels[row])] for row in rows],
        by_pixels,
        by_features,
        out,
        (share_pixels, share),
        titles=('by pixels', 'by trained features'),
    )


def train_and_compare(
    args: argparse.Namespace, work_dir: Path, terminal: TextIO
) -> dict:
    """Train, measure all sides and draw; returns the results."""
    start = time.time()
    cfg = load(work_dir, args)
    check_config(cfg)
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    runner = build_runner(cfg)
    if not args.verbose:
        runner.register_hook(TerminalBarHook(terminal))
    loop = runner.val_loop
    comparison = Comparison(
        Images(loop.train_dataloader),
        Images(loop.dataloader),
        lambda text: print(text, file=terminal, flush=True),
    )
    comparison.names = loop.dataloader.dataset.metainfo['classes']
    runner.model.init_weights()
    comparison.measure_model('untrained', runner.model)
    trained = time.time()
    runner.train()
    train_seconds = time.time() - trained
    by_features = comparison.measure_model('trained', runner.model)
    features = comparison.features
    by_pixels = comparison.measure_pixels()
    neighbors(
        comparison,
        (comparison.features, by_pixels['moved']),
        (features, by_features['moved']),
        work_dir / 'nearest-neighbors.png',
    )
    plot_curves(work_dir, work_dir / 'curves.png')
    return {
        'comparison': comparison.results,
        'seed': args.seed,
        'data': origin(ROOT / DATA),
        'images': [len(comparison.labels), len(comparison.test_labels)],
        'steps': cfg.train_cfg.max_iters,
        'train_seconds': round(train_seconds, 1),
        'seconds': round(time.time() - start, 1),
        'cpu_seconds': round(time.process_time(), 1),
        'threads': torch.get_num_threads(),
    }


def run(args: argparse.Namespace) -> None:
    """Train unless that is done already, then print the page."""
    work_dir = Path(args.work_dir).absolute()
    results_file = work_dir / f'quickstart-seed{args.seed}.json'
    page, log = work_dir / 'report.html', work_dir / 'quickstart.log'
    done = results_file.is_file() and not args.fresh
    print(BANNER)
    print(f'Seed {args.seed}, {torch.get_num_threads()} threads; a few minutes.\n')
    with output_to(log, args.verbose) as terminal:
        if not done:
            results = train_and_compare(args, work_dir, terminal)
            results_file.write_text(json.dumps(results, indent=2) + '\n')
        if not (done and page.is_file()):
            summary = collect_run(work_dir)
            write_page([summary], [take_snapshot(summary, 1000, None)], page)
    results = json.loads(results_file.read_text())
    if done:
        print('Trained already; --fresh trains again.')
    print_results(results)
    checkpoint = work_dir / f'iter_{results["steps"]}.pth'
    for name, path in (('report', page), ('checkpoint', checkpoint), ('log', log)):
        print(f'{name:10s} {path}')


def print_results(results: dict) -> None:
    """The table and what it says."""
    found = results['comparison']
    print(
        f'\n{results["data"]}: {results["images"][0]:,} training and '
        f'{results["images"][1]:,} test images.\n'
        f'Trained {results["steps"]:,} iterations in {results["train_seconds"]:.0f} s; '
        f"{results['seconds']:.0f} s in all. kNN at each side's best k.\n\n"
        f'{comparison_table(found)}\n'
    )
    for task, name in (('plain', 'as they are'), ('moved', 'moved at random')):
        verdict = 'beats' if wins(found, task) else 'does not beat'
        print(
            f'On images {name} training {verdict} pixels and the untrained network '
            '(2 points linear, and kNN).'
        )
    print()


def main() -> None:
    args = parse_args()
    args.work_dir = args.work_dir or f'work_dirs/quickstart-seed{args.seed}'
    keep_freed_memory()
    with command_line(args.debug):
        try:
            run(args)
        except StoppedBySignal as stopped:
            print('\nStopped; the same command starts again.')
            sys.exit(stopped.code)


if __name__ == '__main__':
    main()
