"""A picture of a torch trace: what ran when, by kind of operation."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use('Agg')
from matplotlib import pyplot as plt

KINDS = {
    'convolution': ('conv', 'cudnn', 'xmma', 'implicit'),
    'normalization': ('norm', 'bn_'),
    'matrix product': ('addmm', '::mm', '::bmm', 'gemm', 'cutlass'),
    'average and optimizer': ('foreach', 'lerp', 'sgd', 'multi_tensor'),
    'copy': ('copy', 'memcpy', 'memset', 'fill'),
}


def kind_of(name: str) -> str:
    """The kind of an operation or kernel, by its name."""
    lower = name.lower()
    return next(
        (kind for kind, words in KINDS.items() if any(w in lower for w in words)),
        'other',
    )


def spans_of(events: list[dict]) -> list[dict]:
    """A GPU's kernels; without any, the CPU operations without those inside them."""
    timed = [e for e in events if e.get('ph') == 'X' and 'dur' in e]
    kernels = [e for e in timed if e.get('cat') in ('kernel', 'gpu_memcpy')]
    return kernels or own_spans([e for e in timed if e.get('cat') == 'cpu_op'])


def own_spans(operations: list[dict]) -> list[dict]:
    """The time in which each operation itself ran, in one or several spans.

    A convolution holds an allocation, and most of its time is neither's but its own.
    """
    found: list[dict] = []
    for thread in sorted({e['tid'] for e in operations}):
        own = [e for e in operations if e['tid'] == thread]
        own.sort(key=lambda e: (e['ts'], -e['dur']))
        open_ones: list[tuple[str, float]] = []  # name and end, the innermost last
        now = 0.0

        def until(end: float, open_ones: Any = open_ones) -> None:
            nonlocal now
            if open_ones and end > now:
                name = open_ones[-1][0]
                found.append({'name': name, 'ts': now, 'dur': end - now})
            now = max(now, end)

        for event in own:
            while open_ones and open_ones[-1][1] <= event['ts']:
                until(open_ones[-1][1])
                open_ones.pop()
            until(event['ts'])
            open_ones.append((event['name'], event['ts'] + event['dur']))
        while open_ones:
            until(open_ones[-1][1])
            open_ones.pop()
    return found


def draw_trace(trace: Path, picture: Path) -> None:
    """Draw a chrome trace's work over time, one row a kind, with its share.

    Args:
        trace: the JSON that torch's profiler exports.
        picture: the PNG to write.

    Raises:
        ValueError: the trace has no timed operation.
    """
    spans = spans_of(json.loads(trace.read_text())['traceEvents'])
    if not spans:
        raise ValueError(f'{trace} holds no timed operation: profile a step first.')
    start = min(e['ts'] for e in spans)
    rows: dict[str, list[tuple[float, float]]] = {
        kind: [] for kind in (*KINDS, 'other')
    }
    for event in spans:
        rows[kind_of(event['name'])].append(
            ((event['ts'] - start) / 1e3, event['dur'] / 1e3)
        )
    total = sum(dur for row in rows.values() for _, dur in row)
    figure, axes = plt.subplots(figsize=(10, 3.2), layout='constrained')
    for place, (_, row) in enumerate(rows.items()):
        axes.broken_barh(row, (place - 0.4, 0.8), color=f'C{place}')
    labels = [
        f'{kind}, {sum(dur for _, dur in row) / total:.1%}'
        for kind, row in rows.items()
    ]
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.set_xlabel('ms')
    figure.savefig(picture, dpi=120)
    plt.close(figure)
