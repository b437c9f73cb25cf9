"""Repeat a dumped training step, and find where it first stopped being finite."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from torch import distributed as dist
from torch import multiprocessing as mp

from cld_mm.engine.checkpoint.bank_rows import sharded_bank
from cld_mm.engine.random_states import set_random_states
from cld_mm.models.memories.assignment_queue import add_saved_queues
from cld_mm.registry import MODELS, OPTIM_WRAPPERS

from .dump import from_plain, read_dump

# Settings of an optimizer wrapper that matter for one forward and backward pass.
WRAPPER_SETTINGS = ('type', 'dtype', 'loss_scale', 'accumulative_counts')


class FirstNonFinite:
    """Notes the first tensor of a step that is not finite, in computing order."""

    def __init__(self) -> None:
        self.found: dict[str, str] | None = None

    def check(self, kind: str, where: str, value: Any) -> None:
        """Note ``where`` unless something was noted before."""
        if self.found is not None:
            return
        if isinstance(value, Tensor):
            if value.is_floating_point() and not value.isfinite().all():
                self.found = {'kind': kind, 'where': where}
        elif isinstance(value, dict):
            for key, part in value.items():
                self.check(kind, f'{where}.{key}' if where else str(key), part)
        elif isinstance(value, (list, tuple)):
            for index, part in enumerate(value):
                self.check(kind, f'{where}[{index}]', part)

    def watch(self, model: nn.Module) -> None:
        """Hang on every module without children and on every parameter."""
        for name, module in model.named_modules():
            inner = name and not name.endswith('data_preprocessor')
            if inner and not any(module.children()):
                module.register_forward_hook(self._forward_hook(name))
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.register_hook(
                    lambda g, name=name: self.check('gradient of a weight', name, g)
                )

    def _forward_hook(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self.check('output', name, output)
            if isinstance(output, Tensor) and output.requires_grad:
                output.register_hook(
                    lambda g: self.check('gradient of an output', name, g)
                )

        return hook


def run_step(dump: dict[str, Any], device: str = 'cpu') -> dict[str, Any]:
    """The dump's forward and backward pass, by this process as its rank.

    Returns:
        ``parts`` of the replay, ``reproduces``: whether they are bitwise
        identical to the dump's, and ``first_non_finite``: ``kind`` and ``where``, or
        None.
    """
    cfg = Config(json.loads(dump['config']))
    DefaultScope.get_instance(
        f'replay-{os.getpid()}-{id(dump)}',
        scope_name=cfg.get('default_scope', 'cld_mm'),
    )
    cfg.model.pop('init_cfg', None)
    model = MODELS.build(cfg.model)
    if device == 'cpu':
        model = revert_sync_batchnorm(model)
    add_saved_queues(model, dump['model'])
    model.load_state_dict(dump['model'])
    own, bank = dump.get('bank'), sharded_bank(model)
    if own and bank is not None:
        first_row = own['start'] - bank.start
        bank.features[first_row : first_row + len(own['rows'])] = own['rows']
    model.to(device).train()
    wrapper_cfg = {k: v for k, v in cfg.optim_wrapper.items() if k in WRAPPER_SETTINGS}
    weights = [p for p in model.parameters() if p.requires_grad]
    wrapper = OPTIM_WRAPPERS.build(
        {
            'type': 'OptimWrapper',
            **wrapper_cfg,
            'optimizer': torch.optim.SGD(weights, lr=0.0),
        }
    )
    if dump['scaler'] and hasattr(wrapper, 'loss_scaler'):
        wrapper.loss_scaler.load_state_dict(dump['scaler'])
    first = FirstNonFinite()
    first.check('weight before the step', '', dict(model.named_parameters()))
    batch = from_plain(dump['batch'])
    set_random_states(dump['random'])
    first.watch(model)
    with wrapper.optim_context(model):
        data = model.data_preprocessor(batch, True)
        first.check('view', '', data.get('inputs'))
        losses = model(**data, mode='loss')
    first.check('loss part', '', losses)
    total, logs = model.parse_losses(losses)
    wrapper.scale_loss(total).backward()
    parts = {name: float(logs[name].detach()) for name in dump['parts']}
    return {
        'rank': dump['rank'],
        'iteration': dump['iteration'],
        # As text, since NaN differs from itself.
        'reproduces': repr(parts) == repr(dump['parts']),
        'parts': parts,
        'dumped_parts': dump['parts'],
        'first_non_finite': first.found,
    }


def replay(path: str | Path, device: str = 'cpu') -> dict:
    """Repeat the step of a dump, or of a folder with one dump a rank.

    Ranks exchange keys and images within a step, so on a CPU those of a folder are
    repeated together, one process each.

    Args:
        path: ``rank_N.pth``, or the folder of one iteration.
        device: 'cpu' or 'cuda'.

    Returns:
        ``ranks``: :func:`run_step`'s results, and ``together``.

    Raises:
        FileNotFoundError: there is no dump.
        ValueError: it is no dump of a step.
    """
    path = Path(path)
    files = sorted(path.glob('rank_*.pth')) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f'there is no rank_N.pth in {path}.')
    world_size = read_dump(files[0])['world_size']
    siblings = [files[0].parent / f'rank_{rank}.pth' for rank in range(world_size)]
    together = device == 'cpu' and all(f.is_file() for f in siblings)
    if world_size == 1 or not together:
        results = [run_step(read_dump(file), device) for file in files]
        return {'together': world_size == 1, 'ranks': results}
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = sock.getsockname()[1]
    queue = mp.get_context('spawn').SimpleQueue()
    mp.spawn(_as_rank, (siblings, port, queue), nprocs=world_size)
    results = sorted((queue.get() for _ in siblings), key=lambda r: r['rank'])
    if path.is_file():
        results = [r for r in results if path.name == f'rank_{r["rank"]}.pth']
    return {'together': True, 'ranks': results}


def _as_rank(rank: int, files: list[Path], port: int, queue: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo',
        init_method=f'tcp://127.0.0.1:{port}',
        rank=rank,
        world_size=len(files),
    )
    queue.put(run_step(read_dump(files[rank])))
    dist.barrier()
    with suppress(RuntimeError):
        dist.destroy_process_group()
