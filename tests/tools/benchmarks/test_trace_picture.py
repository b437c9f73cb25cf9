"""The picture of a trace counts each operation's own time once."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from tools.benchmarks.trace_picture import draw_trace, spans_of


def event(name: str, ts: Any, dur: Any, tid: int = 1, cat: str = 'cpu_op') -> dict:
    return {'ph': 'X', 'cat': cat, 'name': name, 'ts': ts, 'dur': dur, 'tid': tid}


CPU = [
    event('aten::conv2d', 0, 100),
    event('aten::mkldnn_convolution', 10, 80),
    event('aten::empty', 12, 3),
    event('aten::copy_', 40, 10),
    event('aten::batch_norm', 120, 5),
    event('aten::mm', 20, 30, tid=2),
]


def test_an_operation_counts_without_those_inside_it(tmp_path: Path) -> None:
    own: Counter[str] = Counter()
    for span in spans_of(CPU):
        own[span['name']] += span['dur']
    assert own == {
        'aten::conv2d': 20,
        'aten::mkldnn_convolution': 67,
        'aten::empty': 3,
        'aten::copy_': 10,
        'aten::batch_norm': 5,
        'aten::mm': 30,
    }
    kernel = event('sm90_xmma_gemm', 0, 7, cat='kernel')
    assert spans_of([*CPU, kernel]) == [kernel]
    trace = tmp_path / 'trace.json'
    trace.write_text(json.dumps({'traceEvents': CPU}))
    draw_trace(trace, tmp_path / 'trace.png')
    assert Image.open(tmp_path / 'trace.png').width > 500
