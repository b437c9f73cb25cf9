"""k-means against its broadcast form, CLD's part of a step, solvers of normalized cuts.

``python tools/benchmarks/grouping.py``: all sides alternate in one run; medians
with quartiles; the last line is JSON. Rows that are spread converge after a few
iterations of k-means; moving rows need all of them. ``--clock cpu --threads 1`` counts
the process's own seconds, which other processes of a busy machine do not lengthen.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least
from tools.benchmarks.timing import CLOCKS, Seconds, ratio, spread, take_turns


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time the grouping.')
    parser.add_argument('--channels', type=at_least(1), default=128)
    parser.add_argument('--iters', type=at_least(1), default=5, help='iterations')
    parser.add_argument('--repeats', type=at_least(2), default=21)
    parser.add_argument('--threads', type=at_least(1), help="default: torch's")
    parser.add_argument('--clock', choices=list(CLOCKS), default='wall')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import torch
from torch.nn import functional as F

from cld_mm.models.grouping import kmeans
from cld_mm.models.grouping.eigenvectors import SOLVERS, first_eigenvectors
from cld_mm.registry import MODELS

CUTS = ((256, 10), (512, 10), (512, 128), (1024, 10), (1024, 256))


def broadcast_labels(x: torch.Tensor, num_groups: int, num_iters: int) -> torch.Tensor:
    """The form that holds an N×K×C array."""
    centroids = x[:num_groups]
    for _ in range(num_iters):
        labels = ((x[:, None] - centroids[None]) ** 2).sum(-1).argmin(dim=1)
        sums = torch.zeros(num_groups, x.shape[1]).index_add_(0, labels, x)
        counts = torch.bincount(labels, minlength=num_groups).clamp(min=1)
        centroids = sums / counts[:, None]
    return labels


def spread_rows(n: int, channels: int) -> torch.Tensor:
    """Rows in all directions: their groups settle in an iteration or two."""
    return F.normalize(torch.randn(n, channels), dim=1)


def moving_rows(n: int, channels: int) -> torch.Tensor:
    """Rows near a plane, which still change their groups in the last round."""
    return F.normalize(torch.randn(n, 2) @ torch.randn(2, channels), dim=1)


def similar_laplacian(n: int, channels: int) -> torch.Tensor:
    """The normalized Laplacian of rows of twenty classes."""
    centers = 2 * torch.randn(20, channels)[torch.randint(0, 20, (n,))]
    rows = F.normalize(torch.randn(n, channels) + centers, dim=1)
    affinity = (rows @ rows.t()).abs().fill_diagonal_(0)
    scale = affinity.sum(dim=1).rsqrt()
    return torch.eye(n) - scale[:, None] * affinity * scale


def compare(
    sides: Mapping[str, Callable], repeats: int, now: Callable[[], float]
) -> Seconds:
    """Seconds of a call of each side, measured in turn.

    A turn is as many calls as take some 20 ms, after one that is not counted:
    the first after another side waits for sleeping threads and cold caches.
    """

    def calls(side: Callable, count: int) -> float:
        side()
        start = now()
        for _ in range(count):
            side()
        return (now() - start) / count

    counts = {name: max(1, int(0.02 / calls(side, 1))) for name, side in sides.items()}
    turns = {name: partial(calls, side, counts[name]) for name, side in sides.items()}
    return take_turns(turns, repeats, warm_up=0)


def cld_and_step(now: Callable[[], float]) -> tuple[float, float]:
    """Seconds of all of CLD's work, and of a whole MoCo v2 + CLD step.

    ResNet-18, 32 pixels, 256 images, K 128. CLD's work is the group projection of both
    queries, the grouping and the loss, forward and backward.
    """
    model = MODELS.build(
        {
            'type': 'MoCo',
            'backbone': {'type': 'ResNet_CIFAR', 'depth': 18},
            'neck': {'type': 'NormMLP'},
            'head': {'type': 'InfoNCEHead'},
            'cld': {'grouping': {'num_groups': 128}, 'loss_weight': 0.25},
        }
    )
    hidden = torch.randn(2, 256, 512, requires_grad=True)

    def cld() -> None:
        groups = [F.normalize(model.neck.group(view), dim=1) for view in hidden]
        model.cld.loss(*groups)['loss_cld'].backward()

    def step(images: int) -> None:
        losses = model.loss([torch.randn(images, 3, 32, 32) for _ in range(3)])
        sum(value for key, value in losses.items() if 'loss' in key).backward()

    times = compare({'cld': cld}, 9, now)['cld']
    step(8)  # warm-up
    start = now()
    step(256)
    return statistics.median(times), now() - start


def main() -> None:
    args = parse_args()
    args.threads = args.threads or torch.get_num_threads()
    now = CLOCKS[args.clock]
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    print(
        f'N 256, K 200, C {args.channels}, {args.iters} iterations, '
        f'{args.threads} threads'
    )
    speedups = []
    for make in (spread_rows, moving_rows):
        x = make(256, args.channels)
        slow = partial(broadcast_labels, x, 200, args.iters)
        fast = partial(kmeans, x, 200, args.iters)
        seconds = compare({'broadcast': slow, 'kmeans': fast}, args.repeats, now)
        same = float((slow() == fast().labels).float().mean())
        print(f'{make.__name__}: {100 * same:.1f} % same labels')
        for name, times in seconds.items():
            print(f'{name:10s}{spread(1e3 * t for t in times)} ms')
        speedups.append(ratio(seconds, 'broadcast', 'kmeans'))

    own, step = cld_and_step(now)
    print(f'CLD {own:.3f} s of a step of {step:.2f} s: {100 * own / step:.2f} %')
    cuts = {}
    for n, k in CUTS:
        matrix = similar_laplacian(n, args.channels)
        solvers = {s: partial(first_eigenvectors, matrix, k, s) for s in SOLVERS}
        found = compare(solvers, 5, now)
        medians = {s: statistics.median(times) for s, times in found.items()}
        cuts[f'{n}x{k}'] = {
            s: round(medians['full'] / medians[s], 2) for s in SOLVERS if s != 'full'
        }
        print(
            f'{k} eigenvectors of {n}: times as fast as the full solver',
            cuts[f'{n}x{k}'],
        )
    print(
        json.dumps(
            {
                'speedup_over_broadcast': speedups[0],
                'speedup_over_broadcast_all_rounds': speedups[1],
                'cld_percent_of_step': round(100 * own / step, 3),
                'eigenvectors_over_full': cuts,
            }
        )
    )


if __name__ == '__main__':
    main()
