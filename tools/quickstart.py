"""Pre-train a small MoCo v2 + CLD, evaluate it and show what it learned.

Called by quickstart.sh, which sets the environment up and fetches the data.
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cld_mm.registry  # noqa: F401, I001
import numpy as np
import torch
from mmengine.config import Config

from cld_mm.apis import extract_features
from cld_mm.config.check_values import check_config, check_data
from cld_mm.cli.command_line import command_line
from cld_mm.engine.build import build_runner
from cld_mm.datasets.preparation.fashion_mnist import origin
from cld_mm.evaluation import knn_classify, top_k_accuracy
from cld_mm.report import collect_run, take_snapshot, write_page
from cld_mm.visualization import plot_curves, plot_neighbors

CONFIG = 'configs/mocov2_cld_r18_fashionmnist_10e.py'
PROBE = 'configs/benchmarks/linear/linear_r18_fashionmnist.py'
DATA = 'data/fashion-mnist'
K, TEMPERATURE = 200, 0.1


def load(config: str, work_dir: Path, seed: int) -> Config:
    """A config with this run's folder and seed."""
    cfg = Config.fromfile(ROOT / config)
    cfg.work_dir, cfg.randomness.seed, cfg.launcher = str(work_dir), seed, 'none'
    return cfg


def top1(
    train: torch.Tensor,
    train_labels: torch.Tensor,
    test: torch.Tensor,
    test_labels: torch.Tensor,
) -> float:
    """kNN accuracy in percent."""
    scores = knn_classify(train, train_labels, test, K, TEMPERATURE)
    return top_k_accuracy(scores, test_labels, k=(1,))[0]


def images_of(loader) -> torch.Tensor:
    """Every image of a loader as ``(N, 1, H, W)`` bytes."""
    return torch.cat([batch['inputs'] for batch in loader])


def features_of(runner) -> tuple[dict, dict]:
    """Features of the training and of the test images."""
    loop = runner.val_loop
    return (
        extract_features(runner.model, loop.train_dataloader),
        extract_features(runner.model, loop.dataloader),
    )


def probe(checkpoint: Path, work_dir: Path, seed: int) -> float:
    """Top-1 of a linear probe on the checkpoint's backbone, in percent."""
    cfg = load(PROBE, work_dir / 'linear', seed)
    cfg.model.backbone.init_cfg.checkpoint = str(checkpoint)
    runner = build_runner(cfg)
    runner.train()
    return float(runner.message_hub.get_scalar('val/accuracy/top1').current())


def draw(work_dir: Path, runner, before: tuple, after: tuple) -> None:
    """Write curves.png and nearest-neighbours.png."""
    scalars = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if scalars:
        plot_curves(work_dir, work_dir / 'curves.png')
    train_images = images_of(runner.val_loop.train_dataloader)[:, 0].numpy()
    test_images = images_of(runner.val_loop.dataloader)[:, 0].numpy()
    names = runner.val_loop.dataloader.dataset.metainfo['classes']
    labels = after[1]['labels']
    rows = [int((labels == label).nonzero()[0, 0]) for label in labels.unique()[:8]]

    def nearest(features) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        train, test = (
            torch.nn.functional.normalize(part['backbone'], dim=1) for part in features
        )
        found = (test @ train.t()).topk(6, dim=1).indices
        right = features[0]['labels'][found] == labels[:, None]
        shown = train_images[found[rows].numpy()], right[rows].numpy()
        return shown, float(right.float().mean())

    (shown_before, share_before), (shown_after, share_after) = map(
        nearest, (before, after)
    )
    plot_neighbors(
        test_images[rows],
        [names[labels[row]] for row in rows],
        shown_before,
        shown_after,
        work_dir / 'nearest-neighbours.png',
        (share_before, share_after),
    )


def table(results: dict) -> str:
    """The results as a table."""
    rows = [
        ('kNN top-1, raw pixels', f'{results["knn_pixels"]:.2f} %'),
        ('kNN top-1, network before training', f'{results["knn_before"]:.2f} %'),
        ('kNN top-1, network after training', f'{results["knn_after"]:.2f} %'),
        ('kNN top-1, its instance branch', f'{results["knn_instance_after"]:.2f} %'),
        ('linear probe top-1', f'{results["linear"]:.2f} %'),
        ('seconds of training', f'{results["train_seconds"]:.0f}'),
        ('seconds in all', f'{results["seconds"]:.0f}'),
    ]
    line = '+' + '-' * 38 + '+' + '-' * 12 + '+'
    body = [f'| {name:36s} | {value:>10s} |' for name, value in rows]
    return '\n'.join([line, *body, line])


def run(args: argparse.Namespace) -> None:
    """Train unless that is done already, evaluate, draw and print."""
    start = time.time()
    work_dir = Path(args.work_dir).absolute()
    cfg = load(CONFIG, work_dir, args.seed)
    results_file = work_dir / f'quickstart-seed{args.seed}.json'
    checkpoint = work_dir / f'epoch_{cfg.train_cfg.max_epochs}.pth'
    done = results_file.is_file() and checkpoint.is_file() and not args.fresh
    if not done:
        check_config(cfg)
        check_data(cfg, 'train_dataloader', 'val_dataloader')
        runner = build_runner(cfg)
        runner.model.init_weights()
        before = features_of(runner)
        trained = time.time()
        runner.train()
        train_seconds = time.time() - trained
        after = features_of(runner)
        pixels = [
            images_of(loader).flatten(1).float()
            for loader in (runner.val_loop.train_dataloader, runner.val_loop.dataloader)
        ]
        labels = [part['labels'] for part in after]
        draw(work_dir, runner, before, after)
        results = {
            'seed': args.seed,
            'data': origin(ROOT / DATA),
            'images': [len(part) for part in labels],
            'knn_pixels': top1(pixels[0], labels[0], pixels[1], labels[1]),
            'knn_before': top1(
                before[0]['backbone'], labels[0], before[1]['backbone'], labels[1]
            ),
            'knn_after': top1(
                after[0]['backbone'], labels[0], after[1]['backbone'], labels[1]
            ),
            'knn_instance_after': top1(
                after[0]['instance'], labels[0], after[1]['instance'], labels[1]
            ),
            'linear': probe(checkpoint, work_dir, args.seed),
            'train_seconds': train_seconds,
            'seconds': time.time() - start,
        }
        results_file.write_text(json.dumps(results, indent=2) + '\n')
    results = json.loads(results_file.read_text())
    page = work_dir / 'report.html'
    if not (done and page.is_file()):
        summary = collect_run(work_dir)
        write_page([summary], [take_snapshot(summary, 1000, None)], page)
    if done:
        print(f'Trained already; --fresh trains anew. Results of seed {args.seed}:')
    print(
        f'\n{results["data"]}: {results["images"][0]:,} training and '
        f'{results["images"][1]:,} test images; kNN with k {K}, '
        f'T {TEMPERATURE}.\n{table(results)}'
    )
    logs = sorted(work_dir.glob('*/vis_data'))
    for name, path in (
        ('checkpoint', checkpoint),
        ('TensorBoard log', logs[-1] if logs else work_dir),
        ('curves', work_dir / 'curves.png'),
        ('neighbours', work_dir / 'nearest-neighbours.png'),
        ('results', results_file),
        ('report', page),
    ):
        print(f'{name:16s} {path}')


def main() -> None:
    parser = argparse.ArgumentParser(description='Pre-train and show a small model.')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--work-dir', help='folder for results')
    parser.add_argument('--fresh', action='store_true', help='train anew')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    args.work_dir = args.work_dir or f'work_dirs/quickstart-seed{args.seed}'
    with command_line(args.debug):
        run(args)


if __name__ == '__main__':
    main()
