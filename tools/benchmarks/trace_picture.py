"""A picture of a torch trace: what ran when, by kind of operation."""

import json
from pathlib import Path

import matplotlib as mpl

mpl.use('Agg')
from matplotlib import pyplot as plt

KINDS = {
    'convolution': ('conv', 'cudnn', 'xmma', 'implicit'),
    'normalisation': ('norm', 'bn_'),
    'matrix product': ('addmm', '::mm', '::bmm', 'gemm', 'cutlass'),
    'average and optimiser': ('foreach', 'lerp', 'sgd', 'multi_tensor'),
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
    """A GPU's kernels; without any, the CPU operations that contain no others."""
    timed = [e for e in events if e.get('ph') == 'X' and 'dur' in e]
    kernels = [e for e in timed if e.get('cat') in ('kernel', 'gpu_memcpy')]
    if kernels:
        return kernels
    spans = [e for e in timed if e.get('cat') == 'cpu_op']
    spans.sort(key=lambda e: (e['tid'], e['ts'], -e['dur']))
    last = [
        one
        for one, after in zip(spans, [*spans[1:], None], strict=True)
        if after is None
        or after['tid'] != one['tid']
        or after['ts'] >= one['ts'] + one['dur']
    ]
    return last


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
