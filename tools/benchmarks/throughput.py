"""Images a second of a recipe, and where a step's time goes.

``python tools/benchmarks/throughput.py [CONFIG]``: trains the config's model on batches
that are in memory, so no loader is timed. On a GPU: ResNet-50, 224 pixels, float16,
bfloat16, with and without torch.compile, colors and blur on the device or not. Without
one it runs small (CIFAR ResNet-18, 32 pixels, float32 and, where the CPU has it,
bfloat16), and says 'not measured' for what needs a GPU.

``--out FOLDER`` keeps torch's trace of one step, trace.json, for Perfetto. The fraction
of a GPU's time outside backbone and necks comes from the profiler too: all work of a
step beside that of its passes alone (on a CPU step.py compares both). The last line is
JSON.
"""

import argparse
import functools
import itertools
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least
from tools.benchmarks.timing import spread, take_turns, timed

ROOT = Path(__file__).resolve().parents[2]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a recipe's throughput.")
    parser.add_argument(
        'config', nargs='?', type=Path, default=ROOT / 'configs/mocov2_cld_r50_200e.py'
    )
    parser.add_argument('--batch', type=at_least(2), help='256 on a GPU, else 32')
    parser.add_argument('--pixels', type=at_least(1), help='224 on a GPU, else 32')
    parser.add_argument('--repeats', type=at_least(2), help='15 on a GPU, else 5')
    parser.add_argument('--compile', action='store_true', help='always on a GPU')
    parser.add_argument('--peak-tflops', type=float, help="of the device's type")
    parser.add_argument('--out', type=Path, help="folder for torch's trace")
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import numpy as np
import torch
from mmengine.config import Config
from tools.benchmarks.step_sides import build, floor_of
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from cld_mm.cli.allocators import keep_freed_memory
from cld_mm.augmentation.view_parameters import ViewDistribution
from cld_mm.engine.optim_wrappers import has_bfloat16


GPU = torch.cuda.is_available()
# Dense half-precision tensor cores by their makers' data sheets, TFLOP/s.
PEAKS = {'H200': 989, 'H100': 989, 'A100': 312, 'L40S': 362, 'V100': 125}
DEVICE = 'cuda' if GPU else 'cpu'


def model_config(path: Path, small: bool) -> dict[str, Any]:
    """The config's model; ``small`` replaces its backbone and shortens its queue."""
    config = Config.fromfile(path).model.to_dict()
    if small:
        backbone = {'type': 'ResNet_CIFAR', 'depth': 18, 'zero_init_residual': False}
        config |= {'backbone': backbone, 'queue_len': 4096}
        config['neck']['in_channels'] = 512
        if config.get('cld'):
            config['cld']['grouping']['num_groups'] = 16
    return config


def make_batch(args: argparse.Namespace, views: int, on_device: bool) -> dict:
    """Bytes as the loader brings them, with parameters where the device augments."""
    generator = torch.Generator().manual_seed(0)
    shape = (args.batch, args.pixels, args.pixels, 3)
    batch: dict[str, Any] = {
        'inputs': [
            torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
            .permute(0, 3, 1, 2)
            .to(DEVICE)
            for _ in range(views)
        ],
        'data_samples': [],
    }
    if on_device:
        law = ViewDistribution(
            brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
            jitter_prob=0.8, gray_prob=0.2, blur_prob=0.5,
        )  # fmt: skip
        seeds = np.random.default_rng(0).integers(
            2**63, size=(views, args.batch), dtype=np.uint64
        )
        drawn = [law.draw(row, args.pixels, args.pixels) for row in seeds]
        batch['augmentations'] = torch.from_numpy(np.stack(drawn, axis=1))
    return batch


def work_of(step: Callable[[], Any], out: Path | None = None) -> float:
    """Microseconds of work on the device in one step, from torch's profiler."""
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if GPU else [])]
    with profile(activities=kinds) as profiler:
        step()
        if GPU:
            torch.cuda.synchronize()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(out / 'trace.json'))
    name = 'self_device_time_total' if GPU else 'self_cpu_time_total'
    return sum(getattr(event, name) for event in profiler.key_averages())


def share_outside(
    passes: Callable[[], Any], step: Callable[[], Any], repeats: int
) -> float:
    """Fraction of a step's work outside its passes, by the least of each, in turn."""
    passes(), step()
    both = [(work_of(passes), work_of(step)) for _ in range(repeats)]
    floor, whole = (min(side) for side in zip(*both, strict=True))
    return 1 - floor / whole


def step_on_copy(step: Callable[[dict], Any], batch: dict) -> Any:
    return step(dict(batch))


def main() -> None:
    args = parse_args()
    args.batch = args.batch or (256 if GPU else 32)
    args.pixels = args.pixels or (224 if GPU else 32)
    args.repeats = args.repeats or (15 if GPU else 5)
    args.compile |= GPU
    kind = Config.fromfile(args.config).model.type
    if kind != 'MoCo':
        print(
            f'error: {args.config.name} trains {kind}, but only MoCo and MoCo v2 are '
            'compared: give one of their recipes.',
            file=sys.stderr,
        )
        sys.exit(2)
    keep_freed_memory()
    config = model_config(args.config, small=not GPU)
    dtypes = ['float16', 'bfloat16'] if GPU else ['float32']
    if not GPU and has_bfloat16():
        dtypes.append('bfloat16')
    steps: dict[str, Callable[[], Any]] = {}
    models = {}
    compiling = (False, True) if args.compile else (False,)
    for dtype, compiled in itertools.product(dtypes, compiling):
        model, step = build(config, DEVICE, dtype, compiled)
        for on_device in (False, True):
            batch = make_batch(args, model.num_views, on_device)
            name = f'{dtype}{"_compiled" * compiled}{"_augmented" * on_device}'
            steps[name] = functools.partial(step_on_copy, step, batch)
            models[name] = model
    plain, eager = models[dtypes[0]], steps[dtypes[0]]
    backbone = config['backbone']
    print(
        f'{args.config.stem}, {backbone["type"]}-{backbone.get("depth", "")}, '
        f'{args.pixels} pixels, batch {args.batch}, {DEVICE}; median and quartiles of '
        f'{args.repeats} steps in turn'
    )
    turns = {name: timed(step) for name, step in steps.items()}
    seconds = take_turns(turns, args.repeats)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        print(f'{name:32s}{spread(args.batch / t for t in times)} images/s')

    with FlopCounterMode(display=False) as counter:
        eager()
    flops = counter.get_total_flops()
    device = torch.cuda.get_device_name() if GPU else 'not measured'
    peak = args.peak_tflops or next((v for k, v in PEAKS.items() if k in device), None)
    views = [
        torch.randn(args.batch, 3, args.pixels, args.pixels, device=DEVICE)
        for _ in range(plain.num_views)
    ]
    passes = floor_of(config, DEVICE, dtypes[0])
    # A CPU's operations are timed by the clock, beside whatever else runs there:
    # step.py compares them by a better one.
    outside: float | str = 'not measured'
    if GPU:
        share = share_outside(lambda: passes(views), eager, args.repeats)
        outside = round(share, 4)
    if args.out is not None:
        work_of(eager, args.out)
    print(
        json.dumps(
            {
                'images_per_second': {
                    name: round(args.batch / middle, 1)
                    for name, middle in medians.items()
                },
                'tflop_per_step': round(flops / 1e12, 4),
                'model_flop_utilization': {
                    name: round(flops / medians[name] / 1e12 / peak, 4)
                    for name in medians
                }
                if peak
                else 'not measured',
                'share_outside_passes': outside,
                'gpu': device,
            }
        )
    )


if __name__ == '__main__':
    main()
