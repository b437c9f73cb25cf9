"""TimeBudgetHook: training ends when its time does, and the learning rate with it."""

import time
from typing import Any

from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.registry import HOOKS

ELAPSED = 'time_budget_elapsed'  # seconds, in checkpoints


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Adapt the number of epochs to the speed that training turns out to have.

    After each epoch the epochs that fit in the remaining time are counted again, and
    cosine schedules are stretched or shortened to end with them. The time of earlier
    parts of a resumed run counts.

    Args:
        seconds: for training.

    Raises:
        ValueError: there are none.
    """

    # Before checkpoints and monitors, which act on the last epoch.
    priority = 'VERY_HIGH'

    def __init__(self, seconds: float) -> None:
        if seconds <= 0:
            raise ValueError(f'seconds must be above 0, got {seconds}.')
        self.seconds = seconds
        self._before = 0.0
        self._started = self._last = 0.0

    def before_train(self, runner: Any) -> None:
        """Start the clock."""
        known = runner.message_hub.runtime_info
        self._before = float(known.get(ELAPSED, 0.0))
        self._started = self._last = time.monotonic()
        self._first_epoch = runner.epoch

    def after_train_epoch(self, runner: Any) -> None:
        """Plan the remaining epochs by the mean and the latest epoch's time."""
        now = time.monotonic()
        done = runner.epoch + 1
        mean = (now - self._started) / (done - self._first_epoch)
        epoch = (mean + now - self._last) / 2
        self._last = now
        elapsed = self._before + now - self._started
        runner.message_hub.update_info(ELAPSED, elapsed)
        # One more epoch if that ends nearer to the time than stopping.
        planned = [done + max(0, round((self.seconds - elapsed) / epoch - 0.2))]
        broadcast_object_list(planned)  # ranks' clocks differ
        if planned[0] != runner.max_epochs:
            self._set_epochs(runner, planned[0], done)

    def _set_epochs(self, runner: Any, epochs: int, done: int) -> None:
        iterations = len(runner.train_dataloader)
        remaining = (epochs - done) * iterations
        cosines = [s for s in runner.param_schedulers or [] if hasattr(s, 'T_max')]
        if any(s.last_step <= 0 for s in cosines):
            return  # still warming up
        before = runner.max_epochs
        runner.train_loop._max_epochs = epochs
        runner.train_loop._max_iters = epochs * iterations
        for scheduler in cosines if remaining else []:
            stretch_cosine(scheduler, remaining)
        for encoder in getattr(unwrap_model(runner.model), 'momentum_encoders', list)():
            if encoder.total_steps:
                encoder.total_steps = encoder.total_steps * epochs // before
        runner.logger.info(f'time budget: {epochs} epochs instead of {before}.')


def stretch_cosine(scheduler: Any, remaining: int) -> None:
    """Let a cosine schedule per iteration end after so many more, at its present value.

    Args:
        scheduler: one with ``T_max``, which has begun.
        remaining: iterations.
    """
    progress = min(scheduler.last_step / scheduler.T_max, 0.99)
    scheduler.T_max = max(remaining + 1, round(remaining / (1 - progress)))
    scheduler.last_step = scheduler.T_max - remaining
    scheduler._global_step = scheduler.begin + scheduler.last_step
    scheduler.end = scheduler.begin + scheduler.T_max
