"""Peak memory of a training step beside the sum of what it must hold.

``python tools/benchmarks/memory.py``: a ResNet-50 at 224 pixels, batch 64, on a GPU; on
a CPU a CIFAR ResNet-18 at 32 pixels. Must be held: parameters, their momentum copies,
gradients, optimizer state, queue or bank, the batch, and what the graph saves for the
backward pass. The sum is of all at once, though gradients come as what the graph saves
goes, so a peak may stay some percent below it. Peaks are torch's own:
``max_memory_allocated`` on a GPU, the profiler's count of every allocation on a CPU.
The last line is JSON.

Variants of MoCo v2 + CLD: plain, with activation checkpointing, with a float16 queue;
of NPID + CLD: its bank in float32 and float16.
"""

import argparse
import gc
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least

VARIANTS: dict[str, dict[str, Any]] = {
    'moco': {},
    'moco_checkpointing': {'with_cp': True},
    'moco_queue_fp16': {'queue_dtype': 'float16'},
    'npid': {},
    'npid_bank_fp16': {'bank_dtype': 'float16'},
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure peak memory of a step.')
    parser.add_argument('--backbone', choices=['r18', 'r50'])
    parser.add_argument('--pixels', type=at_least(1))
    parser.add_argument('--batch', type=at_least(2), default=64)
    parser.add_argument('--queue', type=at_least(1), default=65536)
    parser.add_argument(
        '--images', type=at_least(1), default=1281167, help="NPID's bank"
    )
    parser.add_argument('--groups', type=at_least(1), default=32)
    parser.add_argument(
        '--dtype',
        choices=['float32', 'bfloat16', 'float16'],
        help='default: float16 on a GPU, else float32',
    )
    parser.add_argument(
        '--variants', nargs='+', choices=list(VARIANTS), default=list(VARIANTS)
    )
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from cld_mm.cli.allocators import keep_freed_memory
from cld_mm.engine.optim_wrappers import build_amp_optim_wrapper
from cld_mm.registry import MODELS


def build(name: str, args: argparse.Namespace) -> Any:
    """The variant's model."""
    r50 = args.backbone == 'r50'
    backbone = {'type': 'ResNet' if r50 else 'ResNet_CIFAR', 'depth': 50 if r50 else 18}
    changes = dict(VARIANTS[name])
    backbone |= {
        'zero_init_residual': False,
        'with_cp': changes.pop('with_cp', False),
    }
    neck = {'type': 'TwoBranchNeck', 'in_channels': 2048 if r50 else 512}
    config = {
        'backbone': backbone,
        'neck': {**neck, 'out_channels': 128},
        'cld': {'grouping': {'num_groups': args.groups}, 'loss_weight': 0.25},
        'feat_dim': 128,
        **changes,
    }
    if name.startswith('npid'):
        config |= {'type': 'NPID', 'num_images': args.images}
    else:
        config |= {
            'type': 'MoCo',
            'queue_len': args.queue,
            'head': {'type': 'InfoNCEHead', 'temperature': 0.2},
        }
    torch.manual_seed(0)
    return MODELS.build(config).to(args.device)


def size(tensors: Any) -> int:
    """Bytes of the storages of tensors, each counted once."""
    found = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())


def saved_bytes(model: Any, data: dict, wrapper: OptimWrapper) -> int:
    """Bytes that the graph of a forward pass keeps beside weights and batch."""
    resident = {t.untyped_storage().data_ptr() for t in model.state_dict().values()}
    resident |= {t.untyped_storage().data_ptr() for t in data['inputs']}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in resident:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        wrapper.optim_context(model),
    ):
        losses = model(**data, mode='loss')
    del losses
    return sum(kept.values())


def peak_of(step: Any, device: str, resident: int) -> int:
    """The most bytes allocated at a time during a step."""
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    now = most = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == '[memory]':
            now += event.nbytes()
            most = max(most, now)
    return resident + most


def measure(name: str, args: argparse.Namespace) -> dict[str, int]:
    """Parts of what a variant must hold, their sum, and its peak, bytes."""
    model = build(name, args)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    wrapper = (
        OptimWrapper(optimizer)
        if args.dtype == 'float32'
        else build_amp_optim_wrapper(optimizer=optimizer, dtype=args.dtype)
    )
    shape = (args.batch, 3, args.pixels, args.pixels)
    views = [torch.randn(shape, device=args.device) for _ in range(model.num_views)]
    samples = [DataSample() for _ in range(args.batch)]
    for place, sample in enumerate(samples):
        sample.set_field(place, 'sample_idx', field_type='metainfo')
    data = {'inputs': views, 'data_samples': samples}
    for _ in range(2):  # the optimizer's state comes with the first step
        model.train_step(data, wrapper)
    trained = [p for p in model.parameters() if p.requires_grad]
    state = [
        v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)
    ]
    parts = {
        'parameters': size(trained),
        'momentum_copies': size(p for p in model.parameters() if not p.requires_grad),
        'gradients': size(trained),
        'optimizer_state': size(state),
        'memory': size(b for b in model.buffers() if b.ndim == 2),
        'other_buffers': size(b for b in model.buffers() if b.ndim != 2),
        'batch': size(views),
    }
    resident = sum(parts.values()) - parts['gradients']
    parts['saved_for_backward'] = saved_bytes(model, data, wrapper)
    held = sum(parts.values())
    step = lambda: model.train_step(data, wrapper)  # noqa: E731
    return {**parts, 'held': held, 'peak': peak_of(step, args.device, resident)}


def main() -> None:
    gpu = torch.cuda.is_available()
    args = parse_args()
    args.device = 'cuda' if gpu else 'cpu'
    args.dtype = args.dtype or ('float16' if gpu else 'float32')
    args.backbone = args.backbone or ('r50' if gpu else 'r18')
    args.pixels = args.pixels or (224 if args.backbone == 'r50' else 32)
    keep_freed_memory()
    found = {}
    for name in args.variants:
        found[name] = measure(name, args)
        # An EMA encoder and the optimizer it follows hold each other, and a GPU's
        # peak is of all that lives.
        gc.collect()
        print(name, *(f'{k} {v / 2**20:.1f} MiB' for k, v in found[name].items()))
    ratios: dict[str, Any] = {
        'peak_over_held': {
            name: round(sizes['peak'] / sizes['held'], 3)
            for name, sizes in found.items()
        }
    }
    for key, fewer, more in (
        ('checkpointing', 'moco_checkpointing', 'moco'),
        ('queue_fp16', 'moco_queue_fp16', 'moco'),
        ('bank_fp16', 'npid_bank_fp16', 'npid'),
    ):
        if fewer in found and more in found:
            ratios[f'peak_with_{key}'] = round(
                found[fewer]['peak'] / found[more]['peak'], 3
            )
    ratios['gpu'] = torch.cuda.get_device_name() if gpu else 'not measured'
    print(json.dumps(ratios))


if __name__ == '__main__':
    main()
