"""NonFiniteLossHook: a NaN or infinite loss or gradient stops every rank."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import Tensor, nn

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.finite_checks import (
    exchange_flag,
    find_gradients,
    gradients_are_equal,
    loss_parts,
    poison,
    start_copy,
    zero_if_finite,
)
from cld_mm.engine.step_replay.dump import (
    StepCapture,
    image_names,
    write_summary,
)
from cld_mm.registry import HOOKS

SHOWN = 4


@dataclass
class Iteration:
    """A forward pass since the last optimizer step."""

    number: int
    epoch: int
    samples: list
    parts: dict[str, Tensor]


@dataclass
class PendingCheck:
    """The result of a step's check on its way from the device to the host."""

    iterations: list[Iteration]
    parameters: list[nn.Parameter]
    finite: Tensor
    arrived: Any


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop all ranks when a step is not finite, before it reaches the weights.

    The check adds neither a collective nor a device sync to a step: a non-finite loss
    turns its rank's gradients into NaN, DistributedDataParallel's all-reduce carries
    them to all ranks, and each rank checks the gradients it is about to apply. On a GPU
    the result is read one step later; until then a non-finite gradient is replaced by
    zeros. Under FSDP each rank has other gradients, and one flag is exchanged.

    With ``capture_steps``, for debugging, each iteration is checked at once, and what
    is needed to repeat it is kept: ``tools/analysis_tools/replay_step.py`` repeats the
    step from the dump in ``WORK_DIR/non_finite``.

    Args:
        max_overflows: overflows in a row of a scaled float16 loss, whose steps the
            gradient scaler skips; 0 stops at the first.
        capture_steps: keep what is needed to repeat a step.

    Raises:
        ValueError: ``max_overflows`` is below 0.
        FloatingPointError: on every rank, with iteration, ranks, parts and images.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_overflows: int = 16, capture_steps: bool = False) -> None:
        if max_overflows < 0:
            raise ValueError(f'max_overflows must be >= 0, got {max_overflows}.')
        self.max_overflows = max_overflows
        self.capture_steps = capture_steps
        self._capture: StepCapture | None = None
        self._iterations: list[Iteration] = []
        self._pending: PendingCheck | None = None
        self._handles: list[Any] = []
        self._stepped = False
        self._overflows = 0

    def before_train(self, runner: Any) -> None:
        """Attach to the model's loss and to the optimizer's step."""
        model = unwrap_model(runner.model)
        if self.capture_steps:
            self._capture = StepCapture(model)

        def note_parts(module: Any, inputs: Any, output: Any) -> Any:
            if not (module.training and isinstance(output, dict) and self._iterations):
                return output
            parts = self._iterations[-1].parts = loss_parts(output)
            return poison(output, parts)

        def check_step(optimizer: Any, args: Any, kwargs: Any) -> None:
            self._stepped = True
            self._check_step(runner, optimizer)

        self._handles.append(model.register_forward_hook(note_parts))
        optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
        if optimizer is not None:
            self._handles.append(optimizer.register_step_pre_hook(check_step))

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Keep references to what an error message names."""
        if self._stepped:
            self._iterations = []
        self._stepped = False
        batch = data_batch if isinstance(data_batch, dict) else {}
        samples = batch.get('data_samples') or []
        self._iterations.append(
            Iteration(runner.iter + 1, runner.epoch + 1, samples, {})
        )
        if self._capture is not None:
            self._capture.begin(data_batch)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check iterations without a step; count those that overflowed."""
        if self._stepped:
            self._overflows = 0
            return
        scaler: Any = getattr(runner.optim_wrapper, 'loss_scaler', None)
        skipped = (
            scaler and scaler.is_enabled() and runner.optim_wrapper.should_update()
        )
        check = self.capture_steps or skipped
        if check and not exchange_flag(self._parts_are_finite()):
            self._stop(runner, self._iterations)
        if skipped:
            self._count_overflow(runner, scaler.get_scale())

    def before_save_state(self, runner: Any) -> None:
        """Read what is still on its way, so that no broken step is saved."""
        self._read_pending(runner)

    def after_train(self, runner: Any) -> None:
        """Read what is still on its way, and detach from model and optimizer."""
        self._read_pending(runner)
        while self._handles:
            self._handles.pop().remove()

    @torch.no_grad()
    def _check_step(self, runner: Any, optimizer: Any) -> None:
        self._read_pending(runner)
        parameters, gradients = find_gradients(optimizer)
        if not gradients:
            return
        # The largest entry of each tensor, which no sum can overflow.
        norms = torch._foreach_norm(gradients, float('inf'))
        finite = torch.stack([norm.float() for norm in norms]).isfinite()
        whole = finite.all()
        if self.capture_steps or not gradients_are_equal(runner.model):
            whole = torch.tensor(exchange_flag(whole & self._parts_are_finite()))
        elif self._reads_late(finite):
            for gradient in gradients:
                gradient.masked_fill_(~whole, 0)
            self._pending = PendingCheck(
                self._iterations, parameters, *start_copy(finite)
            )
            return
        if not whole:
            self._stop(runner, self._iterations, parameters, finite)

    @staticmethod
    def _reads_late(flag: Tensor) -> bool:
        return flag.device.type != 'cpu'  # reading it now would be a device sync

    def _read_pending(self, runner: Any) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if pending.arrived is not None:
            pending.arrived.synchronize()  # a step old, so it usually is there
        if not pending.finite.all():
            self._stop(runner, pending.iterations, pending.parameters, pending.finite)

    def _parts_are_finite(self) -> Tensor:
        parts = [it.parts.values() for it in self._iterations]
        return zero_if_finite(value for values in parts for value in values).isfinite()

    def _count_overflow(self, runner: Any, scale: float) -> None:
        self._overflows += 1
        times = f'overflowed {self._overflows} times in a row'
        if self._overflows > self.max_overflows:
            reason = f'the scaled gradient {times}, more than max_overflows '
            reason += f'{self.max_overflows} (scale {scale:g})'
            self._stop(runner, self._iterations, reason=reason)
        print_log(
            f'the scaled gradient {times} at iteration {runner.iter + 1}: step '
            f'skipped, the scale is now {scale:g}.',
            'current',
        )

    def _stop(
        self,
        runner: Any,
        iterations: list[Iteration],
        parameters: list[nn.Parameter] | None = None,
        finite: Tensor | None = None,
        reason: str | None = None,
    ) -> None:
        """Write what is known to files and raise; all ranks call it."""
        values = [{k: float(v) for k, v in it.parts.items()} for it in iterations]
        bad = [i for i, parts in enumerate(values) if not all_finite(parts)]
        worst = bad[0] if bad else -1
        iteration = iterations[worst]
        names = {id(p): n for n, p in unwrap_model(runner.model).named_parameters()}
        flags = [] if finite is None else finite.tolist()
        pairs = zip(parameters or [], flags, strict=True)
        summary = {
            'rank': get_rank(),
            'world_size': get_world_size(),
            'iteration': iteration.number,
            'epoch': iteration.epoch,
            'parts': values[worst],
            'gradients': [names.get(id(p), 'a weight') for p, ok in pairs if not ok],
            'images': image_names(iteration.samples),
        }
        if self._capture is not None:
            kept = self._capture.write(runner, summary)
        else:
            kept = write_summary(runner.work_dir, summary)
        reports: list = all_gather_object(summary)
        with_bad_loss = [r for r in reports if not all_finite(r['parts'])]
        what = reason or f'the {"loss" if with_bad_loss else "gradient"} is not finite'
        guilty = with_bad_loss or reports
        shown = guilty[0]
        ranks = ', '.join(str(report['rank']) for report in guilty)
        listed = ', '.join(f'{k}={v:.6g}' for k, v in shown['parts'].items())
        if not with_bad_loss and shown['gradients']:
            listed += f'; not finite at {_first_few(shown["gradients"])}'
        if shown['images']:
            listed += f', images {_first_few(shown["images"])}'
        raise FloatingPointError(
            f'{what} at iteration {shown["iteration"]} (epoch {shown["epoch"]}) on '
            f'rank {ranks}: {listed} (rank {shown["rank"]}); {kept}; lower the '
            'learning rate or raise the temperature, and resume from the last '
            f'checkpoint in {runner.work_dir} with --resume.'
        )


def all_finite(parts: dict[str, float]) -> bool:
    """Whether all loss parts are finite numbers."""
    return all(math.isfinite(value) for value in parts.values())


def _first_few(names: list[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
