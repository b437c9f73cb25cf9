"""k-means against its broadcast form and against its matrix products alone.

``python tools/benchmarks/grouping.py``: both sides alternate in one run; medians
with quartiles; the last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch.nn import functional as F

import cld_mm  # noqa: F401
from cld_mm.models.grouping import kmeans

SIZES = ((64, 50), (256, 200), (1024, 512), (4096, 2048))


def broadcast_labels(x: torch.Tensor, num_groups: int, num_iters: int) -> torch.Tensor:
    """The form that holds an N×K×C array."""
    centroids = x[:num_groups]
    for _ in range(num_iters):
        labels = ((x[:, None] - centroids[None]) ** 2).sum(-1).argmin(dim=1)
        sums = torch.zeros(num_groups, x.shape[1]).index_add_(0, labels, x)
        counts = torch.bincount(labels, minlength=num_groups).clamp(min=1)
        centroids = sums / counts[:, None]
    return labels


def products(x: torch.Tensor, num_groups: int, num_iters: int) -> None:
    """The rounds' matrix products and nothing else."""
    centroids = x[:num_groups].t()
    for _ in range(num_iters):
        x @ centroids


def alternate(sides: list[Callable], repeats: int) -> list[list[float]]:
    """Seconds of a call of each side, measured in turn.

    A turn is as many calls as take some 20 ms, after one that is not counted:
    the first after another side waits for sleeping threads and cold caches.
    """
    seconds: list[list[float]] = [[] for _ in sides]
    calls = []
    for side in sides:
        side()
        start = time.perf_counter()
        side()
        calls.append(max(1, int(0.02 / (time.perf_counter() - start))))
    for _ in range(repeats):
        for side, times, count in zip(sides, seconds, calls, strict=True):
            side()
            start = time.perf_counter()
            for _ in range(count):
                side()
            times.append((time.perf_counter() - start) / count)
    return seconds


def shown(times: list[float]) -> str:
    low, middle, high = statistics.quantiles(times, n=4)
    return f'{1e3 * middle:9.3f} ms ({1e3 * low:.3f} to {1e3 * high:.3f})'


def main() -> None:
    parser = argparse.ArgumentParser(description='Time the grouping.')
    parser.add_argument('--channels', type=int, default=128)
    parser.add_argument('--iters', type=int, default=5, help='rounds')
    parser.add_argument('--repeats', type=int, default=21)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    x = F.normalize(torch.randn(256, args.channels), dim=1)
    slow, fast = alternate(
        [
            lambda: broadcast_labels(x, 200, args.iters),
            lambda: kmeans(x, 200, args.iters),
        ],
        args.repeats,
    )
    same = torch.equal(
        broadcast_labels(x, 200, args.iters), kmeans(x, 200, args.iters).labels
    )
    speedup = statistics.median(slow) / statistics.median(fast)
    # Rows near a plane still change their groups in the last round, so k-means
    # cannot stop early as it does on spread rows.
    flat = F.normalize(torch.randn(256, 2) @ torch.randn(2, args.channels), dim=1)
    flat_slow, flat_fast = alternate(
        [
            lambda: broadcast_labels(flat, 200, args.iters),
            lambda: kmeans(flat, 200, args.iters),
        ],
        args.repeats,
    )
    flat_speedup = statistics.median(flat_slow) / statistics.median(flat_fast)
    print(
        f'N 256, K 200, C {args.channels}, {args.iters} rounds, {args.threads} threads'
    )
    print(f'broadcast {shown(slow)}\nkmeans    {shown(fast)}')
    print(f'speed-up {speedup:.1f}, same labels: {same}')
    print(
        f'all rounds needed: broadcast {shown(flat_slow)}, kmeans {shown(flat_fast)}, '
        f'speed-up {flat_speedup:.1f}'
    )

    floors = {}
    for n, k in SIZES:
        rows = F.normalize(torch.randn(n, args.channels), dim=1)
        floor, whole = alternate(
            [
                lambda rows=rows, k=k: products(rows, k, args.iters),
                lambda rows=rows, k=k: kmeans(rows, k, args.iters),
            ],
            args.repeats,
        )
        floors[f'{n}x{k}'] = statistics.median(whole) / statistics.median(floor)
        print(
            f'N {n}, K {k}: products {shown(floor)}, kmeans {shown(whole)}, '
            f'ratio {floors[f"{n}x{k}"]:.2f}'
        )
    print(
        json.dumps(
            {
                'speedup_over_broadcast': round(speedup, 2),
                'speedup_over_broadcast_all_rounds': round(flat_speedup, 2),
                'over_gemm_floor': round(floors['256x200'], 3),
                'over_gemm_floor_by_size': {
                    size: round(v, 3) for size, v in floors.items()
                },
                'same_labels': same,
            }
        )
    )


if __name__ == '__main__':
    main()
