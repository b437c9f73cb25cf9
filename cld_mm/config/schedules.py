"""Learning rate schedules as long as the training."""

from collections.abc import Container, Mapping
from typing import Any

from mmengine.config import Config

from .error import ConfigError

LENGTHS = {True: 'max_epochs', False: 'max_iters'}  # by a schedule's by_epoch


def schedules_of(cfg: Config) -> list[tuple[str, Any]]:
    """Each schedule with its path as an option."""
    found = cfg.get('param_scheduler')
    items = found if isinstance(found, (list, tuple)) else ()
    paths = [(f'param_scheduler.{index}', one) for index, one in enumerate(items)]
    if isinstance(found, Mapping):
        paths = [('param_scheduler', found)]
    return [(path, one) for path, one in paths if isinstance(one, Mapping)]


def training_lengths(cfg: Config) -> dict[bool, int | None]:
    """The number of epochs and of iterations to train, by ``by_epoch``."""
    train = cfg.get('train_cfg')
    lengths = train if isinstance(train, Mapping) else {}
    return {by_epoch: lengths.get(name) for by_epoch, name in LENGTHS.items()}


def follow_length(
    cfg: Config, before: dict[bool, int | None], options: Container[str]
) -> list[str]:
    """Let schedules end with a training whose length the command line changed.

    Those that ended with the training in the config file do so again: ``T_max``,
    ``end`` and milestones follow; a warm-up stays. What the user set stays as well.

    Args:
        cfg: the config with the options merged in.
        before: the training's length in the config file, by ``by_epoch``.
        options: the options that the user gave.

    Returns:
        What was changed, such as ``param_scheduler: T_max 200 -> 3, ...``.

    Raises:
        ConfigError: a warm-up is longer than the training.
    """
    changes = []
    new_lengths = training_lengths(cfg)
    for path, schedule in schedules_of(cfg):
        by_epoch = schedule.get('by_epoch', True)
        old, new = before[by_epoch], new_lengths[by_epoch]
        own = [f'{path}.{key}' for key in ('T_max', 'end', 'milestones')]
        if any(name in options for name in ('param_scheduler', path, *own)):
            continue
        if old is None or new is None or old == new:
            continue
        begin = schedule.get('begin', 0)
        if last_step(schedule, old) != old:
            if new <= schedule.get('end', 0) < old:
                raise ConfigError(
                    f'{path}.end is {schedule["end"]}, not within the {new} of '
                    f'train_cfg.{LENGTHS[by_epoch]}: set {path}.end, and begin of the '
                    'schedule after it, to fewer.'
                )
            continue
        steps = [round(step * new / old) for step in schedule.get('milestones', ())]
        follows = {'T_max': new - begin, 'end': new, 'milestones': steps}
        words = []
        for key, value in follows.items():
            if schedule.get(key) not in (None, value):
                words.append(f'{key} {schedule[key]} -> {value}')
                schedule[key] = value
        changes.append(
            f'{path}: {", ".join(words)}, as long as the training (options of it stay '
            'as they are given)'
        )
    return changes


def last_step(schedule: Any, length: int) -> int | None:
    """Where a schedule ends; ``length`` where it holds until the training ends."""
    if 'milestones' in schedule:
        return length
    if schedule.get('end') is None and 'T_max' in schedule:
        return schedule.get('begin', 0) + schedule['T_max']
    return schedule.get('end')


def length_mismatch(cfg: Config) -> str | None:
    """A warning, with both numbers, where the last schedule outlasts the training."""
    for path, schedule in schedules_of(cfg)[-1:]:
        by_epoch = schedule.get('by_epoch', True)
        length = training_lengths(cfg)[by_epoch]
        begin = schedule.get('begin', 0)
        if not length or schedule.get('T_max') in (None, length - begin):
            continue
        name = f'train_cfg.{LENGTHS[by_epoch]}'
        if length <= begin:
            return (
                f'{path} begins at {begin}, but {name} is {length}: lower {path}.begin '
                'and the end of the warm-up before it.'
            )
        return (
            f'{path}.T_max is {schedule["T_max"]} after {begin}, but {name} is '
            f'{length}: set {path}.T_max={length - begin} for a full schedule.'
        )
    return None
