"""Where a resumed run goes on in its epoch, also with more or fewer batches an epoch.

Other ranks, batch size or data change the number of batches. What counts batches is
then counted anew, at the same share of the run: the loop, schedules of the learning
rate, those of averaged encoders, accumulation, and the estimate of the time left.
"""

import copy
from typing import Any

from mmengine.hooks import IterTimerHook
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop
from mmengine.runner.base_loop import BaseLoop

# What changes with each step of a schedule; the rest says what it is.
_MOVING = ('optimizer', 'last_step', '_global_step', '_last_value', 'base_values')


def place_in_epoch(loop: BaseLoop | Any, meta: dict) -> None:
    """Tell the loop where in its epoch it goes on, also with other batches."""
    batches = len(loop.dataloader)
    before = meta.get('batches_per_epoch', batches)
    loop.validated = meta.get('validated', True)
    if before == batches:
        return
    share = ''
    if not isinstance(loop, IterBasedTrainLoop):
        done = (meta['iter'] - meta['epoch'] * before) * batches // before
        loop._iter = meta['epoch'] * batches + max(0, min(done, batches))
        share = 'the same share of the epoch, '
        _count_anew(loop.runner, batches / before)
    loop.runner.logger.warning(
        f'an epoch had {before} batches when the checkpoint was saved and has '
        f'{batches} now (other data, batch size or ranks): the run goes on at '
        f'{share}iteration {loop._iter}, but not to the last bit.'
    )


def _count_anew(runner: Any, ratio: float) -> None:
    """Set all that has counted batches to the loop's place, by new over old batches."""
    for hook in runner.hooks:
        if isinstance(hook, IterTimerHook):
            hook.before_train(runner)
    wrapper = runner.optim_wrapper
    wrapper.initialize_count_status(runner.model, runner.iter, runner.max_iters)
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    if hasattr(model, 'momentum_encoders'):
        steps = runner.iter // getattr(wrapper, '_accumulative_counts', 1)
        for encoder in model.momentum_encoders():
            encoder.go_on_at(steps)
    schedules = runner.param_schedulers
    if not isinstance(schedules, list):
        return
    # Building them again sets values in the optimiser, which must stay as loaded.
    groups = wrapper.optimizer.param_groups
    kept = [{k: v for k, v in group.items() if k != 'params'} for group in groups]
    fresh = runner.build_param_scheduler(copy.deepcopy(runner.cfg.param_scheduler))
    for group, values in zip(groups, kept, strict=True):
        group.update(values)
    runner.param_schedulers = [
        _moved(old, new, ratio) for old, new in zip(schedules, fresh, strict=True)
    ]


def _moved(old: Any, new: Any, ratio: float) -> Any:
    """A schedule at the old one's share of its way; the old where nothing changed."""
    same = all(
        value == vars(old).get(key)
        for key, value in vars(new).items()
        if key not in _MOVING
    )
    if same:  # it counts epochs, or batches that the config names
        return old
    for step in range(1, round(old._global_step * ratio) + 1):
        new.last_step += new.begin <= step < new.end
    new._global_step = round(old._global_step * ratio)
    new._last_value = old._last_value
    return new
