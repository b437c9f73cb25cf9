"""How many epochs fit in a time, measured by training for a moment."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

from .measure import seconds_per_iteration
from .plan import MONITORED, Plan

# Seconds for writing the last checkpoints.
RESERVE = 5.0
SMALLER_SIZE = 64  # of views, where one epoch of larger ones takes too long


def epochs_in(
    cfg: Any,
    plan: Plan,
    seconds: float,
    started: float,
    report: Callable[[str], object],
    may_shrink: bool = False,
) -> int:
    """How many epochs fit in the time that is left, by training for a moment.

    Args:
        cfg: of the run so far.
        plan: gets the seconds that are left for training, and the reason.
        seconds: for everything.
        started: ``time.monotonic()`` from which they count.
        report: is called with a line to show.
        may_shrink: take views of ``SMALLER_SIZE`` where no epoch fits otherwise, by
            changing ``plan.size``.

    Raises:
        ValueError: not even one does.
    """
    limit = min(60.0, max(5.0, seconds / 10))
    begun = time.monotonic()
    if begun - started + limit + RESERVE > seconds:
        raise ValueError(
            f'{seconds:.0f} s are too short: the preparation alone took '
            f'{begun - started:.0f} s, and measuring the speed takes {limit:.0f} s '
            'more. Give more --time.'
        )
    report(f'Measuring the speed for about {limit:.0f} s ...')
    per_iteration = trial_speed(cfg, limit)
    # The run starts anew: what the trial took beside its steps is needed again.
    start_up = max(0.0, time.monotonic() - begun - limit)
    left = seconds - (time.monotonic() - started) - start_up - RESERVE
    epochs, epoch = plan_epochs(plan, per_iteration, left)
    if epochs < 1 and may_shrink and plan.size > SMALLER_SIZE:
        per_iteration *= (SMALLER_SIZE / plan.size) ** 2
        plan.size = SMALLER_SIZE
        plan.reasons['size'] = 'one epoch of larger views takes too long'
        epochs, epoch = plan_epochs(plan, per_iteration, left)
    if epochs < 1:
        raise ValueError(
            f'{seconds:.0f} s are too short for one epoch, which takes {epoch:.0f} s '
            f'after {seconds - left:.0f} s of preparation: give more --time, or a '
            'smaller --size or --backbone.'
        )
    plan.seconds = left
    plan.reasons['epochs'] = (
        f'{per_iteration:.2g} s per iteration, {left:.0f} of {seconds:.0f} s left; '
        'adapted to the speed in training'
    )
    return epochs


def plan_epochs(plan: Plan, per_iteration: float, left: float) -> tuple[int, float]:
    """Epochs that fit, and the seconds of one.

    The monitor runs before training and about ten times in it, or after each epoch; it
    encodes two views of some images.
    """
    epoch = per_iteration * plan.iterations
    monitor = per_iteration * min(MONITORED, plan.num_images) / (2 * plan.batch_size)
    many = (left - 11 * monitor) / epoch
    few = (left - monitor) / (epoch + monitor)
    return int(many if many >= 10 else few), epoch + monitor


def trial_speed(cfg: Any, limit: float) -> float:
    """Seconds per iteration of a config, by training for a moment."""
    from cld_mm.engine.build import build_runner

    with tempfile.TemporaryDirectory() as folder:
        trial = cfg.copy()
        trial.work_dir = folder
        trial.custom_hooks = []
        trial.log_level = 'ERROR'
        runner: Any = build_runner(trial)
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        runner._init_model_weights()
        runner.model.train()
        for encoder in getattr(runner.model, 'momentum_encoders', list)():
            encoder.total_steps = 1_000_000  # of its schedule
        return seconds_per_iteration(runner, limit)
