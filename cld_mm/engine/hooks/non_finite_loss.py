"""NonFiniteLossHook: a NaN or infinite loss or gradient stops every rank."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor
from torch import distributed as dist

from cld_mm.engine.checkpoint.bank_rows import sharded_bank
from cld_mm.engine.random_states import random_states
from cld_mm.engine.step_replay.dump import image_names, to_plain, write_dump
from cld_mm.models.memories import AssignmentQueue, FeatureQueue, MemoryBank
from cld_mm.registry import HOOKS

SHOWN = 4


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop all ranks before the optimiser takes a step that is not finite.

    Loss parts and gradients are looked at once a step, together, as one flag of all
    ranks, before the weights change. So the dump that each rank writes to
    ``WORK_DIR/non_finite`` repeats the step (``tools/analysis_tools/replay_step.py``):
    weights, queue and bank from before it, the loaded batch, the random states.

    That look is the one place of a step where the host waits for the device: only so is
    a broken step stopped before it changes a weight. It comes when the backward pass is
    queued, so what it costs on a GPU is the time to launch the optimiser's and the
    average's few multi-tensor kernels, and no look ahead into the next step.

    A scaled float16 loss overflows now and then, and the gradient scaler then leaves
    the step out and lowers its scale. That is no error until it happens
    ``max_overflows`` times in a row.

    Args:
        max_overflows: float16 overflows in a row that the gradient scaler may skip; 0
            stops at the first.
        dump: whether to write the step to a file.

    Raises:
        ValueError: ``max_overflows`` is below 0.
        FloatingPointError: on every rank, with iteration, ranks, parts and images.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_overflows: int = 16, dump: bool = True) -> None:
        if max_overflows < 0:
            raise ValueError(
                f'max_overflows is {max_overflows}, but it must be 0 or more: 0 stops '
                'at the first overflow of a scaled float16 loss.'
            )
        self.max_overflows = max_overflows
        self.dump = dump
        self._parts: dict[str, Tensor] = {}
        self._memories: list[Any] = []
        self._handles: list[Any] = []
        self._batch: Any = None
        self._random: dict = {}
        self._stepped = False
        self._overflows = 0

    def before_train(self, runner) -> None:
        """Hang on the model's loss and on the optimiser's step."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        kinds = AssignmentQueue, FeatureQueue, MemoryBank
        self._memories = [m for m in model.modules() if isinstance(m, kinds)]

        def note_parts(module, inputs, output) -> None:
            if module.training and isinstance(output, dict):
                self._parts = _scalars(output)

        def before_step(optimizer, args, kwargs) -> None:
            self._stepped = True
            self._check(runner, _gradients(optimizer))

        self._handles.append(model.register_forward_hook(note_parts))
        optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
        if optimizer is not None:
            self._handles.append(optimizer.register_step_pre_hook(before_step))

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Keep what the dump would need: references, and a few kilobytes."""
        self._stepped = False
        self._parts = {}
        if not self.dump:
            return
        self._batch, self._random = data_batch, random_states()
        for memory in self._memories:
            memory.overwritten = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Look at iterations that took no step; count those that overflowed."""
        if self._stepped:
            self._overflows = 0
            return
        if not self._parts:  # no forward pass was seen, as with a compiled model
            self._parts = _scalars(outputs or {})
        self._check(runner, [])
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        if scaler is None or not scaler.is_enabled():
            return
        if not runner.optim_wrapper.should_update():
            return
        self._overflows += 1
        scale = scaler.get_scale()
        if self._overflows > self.max_overflows:
            self._stop(
                runner,
                [],
                f'the scaled gradient overflowed {self._overflows} times in a row, '
                f'more than max_overflows {self.max_overflows} (scale {scale:g})',
            )
        print_log(
            f'the scaled gradient overflowed at iteration {runner.iter + 1}, number '
            f'{self._overflows} in a row: the step is left out, the scale is now '
            f'{scale:g}.',
            'current',
        )

    def after_train(self, runner) -> None:
        """Let go of model and optimiser."""
        while self._handles:
            self._handles.pop().remove()

    @torch.no_grad()
    def _check(self, runner, gradients: list[tuple[Any, Tensor]]) -> None:
        values = [part.float() for part in self._parts.values()]
        if gradients:
            # The largest entry of each tensor, which no sum can overflow.
            largest = torch._foreach_norm([g for _, g in gradients], float('inf'))
            values += [value.float() for value in largest]
        if not values:
            return
        bad = (~torch.stack(values).isfinite().all()).int()
        if dist.is_initialized():
            dist.all_reduce(bad, op=dist.ReduceOp.MAX)
        if bad:
            self._stop(runner, gradients)

    def _stop(self, runner, gradients: list, reason: str | None = None) -> None:
        parts = {name: float(part) for name, part in self._parts.items()}
        names = {id(p): name for name, p in runner.model.named_parameters()}
        broken = [
            names.get(id(parameter), '?').removeprefix('module.')
            for parameter, gradient in gradients
            if not gradient.isfinite().all()
        ]
        images = image_names(self._batch or {})
        kept = self._write(runner, parts, broken, images) if self.dump else None
        reports: list = all_gather_object((get_rank(), parts, broken, images))
        bad = [
            report
            for report in reports
            if not all(math.isfinite(value) for value in report[1].values())
        ]
        what = reason or (
            'the loss is not finite' if bad else 'the gradient is not finite'
        )
        rank, parts, broken, images = (bad or reports)[0]
        listed = ', '.join(f'{name}={value:.6g}' for name, value in parts.items())
        if not bad and broken:
            listed += f'; not finite at {_short(broken)}'
        shown = f', images {_short(images)}' if images else ''
        raise FloatingPointError(
            f'{what} at iteration {runner.iter + 1} (epoch {runner.epoch + 1}) on rank '
            f'{", ".join(str(report[0]) for report in bad or reports)}: {listed}'
            f'{shown} (rank {rank}); {kept or ""}the last checkpoint in '
            f'{runner.work_dir} is from before: lower the learning rate or raise the '
            'temperature, and resume.'
        )

    def _write(self, runner, parts: dict, broken: list, images: list) -> str:
        for memory in self._memories:
            memory.undo()
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        bank = sharded_bank(model)  # its rows are not in the state dict
        folder = Path(runner.work_dir) / 'non_finite' / f'iter_{runner.iter + 1}'
        try:
            write_dump(
                folder / f'rank_{get_rank()}.pth',
                {
                    'config': json.dumps(runner.cfg.to_dict(), default=str),
                    'model': to_plain(model.state_dict()),
                    'bank': None
                    if bank is None
                    else {'start': bank.start, 'rows': to_plain(bank.features)},
                    'batch': to_plain(self._batch),
                    'random': self._random,
                    'rank': get_rank(),
                    'world_size': get_world_size(),
                    'iteration': runner.iter + 1,
                    'epoch': runner.epoch + 1,
                    'parts': parts,
                    'gradients': broken,
                    'images': images,
                    'scaler': scaler.state_dict() if scaler is not None else {},
                },
            )
        except OSError as error:
            return f'the step could not be kept ({error}); '
        return (
            f'the step is kept in {folder}, which "python tools/analysis_tools/'
            'replay_step.py" repeats; '
        )


def _scalars(losses: dict) -> dict[str, Tensor]:
    """Loss parts as scalars without gradient, as mmengine adds them up."""
    parts = {}
    for name, value in losses.items():
        if 'loss' not in name:
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        means = [
            v.detach().mean() if isinstance(v, Tensor) else torch.tensor(float(v))
            for v in values
        ]
        parts[name] = sum(means[1:], means[0])
    return parts


def _gradients(optimizer) -> list[tuple[Any, Tensor]]:
    found = []
    for group in optimizer.param_groups:
        for parameter in group['params']:
            if parameter.grad is not None:
                gradient = parameter.grad
                local = getattr(gradient, 'to_local', None)  # sharded weights
                gradient = local() if local else gradient
                if gradient.numel():  # a small tensor's part may be empty
                    found.append((parameter, gradient))
    return found


def _short(names: list[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
