"""``--cfg-options``: what they may name, and merging them into a config."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from .error import ConfigError, suggestion
from .schedules import follow_length, training_lengths
from .tree import SECTIONS, walk

# What mmengine's Runner reads from the top of a config, and what reads the config.
TOP_LEVEL = {*SECTIONS, *inspect.signature(Runner).parameters} - {'cfg'}
TOP_LEVEL |= {'find_unused_parameters', 'sync_bn', 'compile', 'runner_type'}
TOP_LEVEL |= {'activation_checkpointing', 'efficient_conv_bn_eval', 'custom_imports'}
TOP_LEVEL |= {'unknown_classes'}


def apply_options(cfg: Config, options: Mapping[str, Any]) -> list[str]:
    """Merge options; schedules that last as long as training follow a new length.

    Returns:
        What followed, as sentences.

    Raises:
        ConfigError: as :func:`merge_options`, or a warm-up is longer than the training.
    """
    before = training_lengths(cfg)
    merge_options(cfg, options)
    return follow_length(cfg, before, options)


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge ``{'model.queue_len': 4096}`` into the config.

    Whether a part takes a new key is checked with the whole config, by
    :func:`~cld_mm.config.check_values.check_config`.

    Raises:
        ConfigError: an option names a variable that nothing reads, an unknown section
            or hook, or a missing item of a list.
    """
    for option, value in options.items():
        first = option.split('.')[0]
        if first not in TOP_LEVEL:
            raise ConfigError(f'--cfg-options {option}: {_unread(cfg, option)}')
        _prepare(cfg, option, value)
        try:
            cfg.merge_from_dict({option: value})
        except TypeError as error:  # a dict over a number or text
            raise ConfigError(
                f'--cfg-options {option}: the config has a single value there; add '
                '_delete_=True to the dict to replace it.'
            ) from error


def _prepare(cfg: Config, option: str, value: Any) -> None:
    """Check the way to an option's value, and put dicts where there is None."""
    node: Any = cfg
    path = ''
    keys = option.split('.')
    for place, key in enumerate(keys):
        is_last = place == len(keys) - 1
        if isinstance(node, (list, tuple)):
            if not (key.isdecimal() and int(key) < len(node)):
                raise ConfigError(
                    f"--cfg-options {option}: '{path[:-1]}' is a list of {len(node)}, "
                    f'and {key!r} is not an index into it (they start at 0).'
                )
            if is_last and not isinstance(value, dict):
                raise ConfigError(
                    f'--cfg-options {option} must be a dict, got {value!r}: an item of '
                    f'a list takes settings, such as {option}.type=NAME; or give the '
                    f'whole list, {path[:-1]}="[...]".'
                )
            node = node[int(key)]
        elif isinstance(node, (dict, Config)):
            if path == 'default_hooks.' and key not in node:
                close = suggestion(key, node)
                if close:
                    raise ConfigError(
                        f"--cfg-options {option}: there is no hook '{path}{key}'{close}"
                    )
            into_none = node.get(key) is None and (not is_last or type(value) is dict)
            if key in node and into_none:
                node[key] = ConfigDict()
            node = node.get(key, {})
        else:
            raise ConfigError(
                f"--cfg-options {option}: '{path[:-1]}' is {node!r}, which has no "
                'settings.'
            )
        path += f'{key}.'


def _unread(cfg: Config, option: str) -> str:
    """Why an option of a variable changes nothing, and which option does."""
    first, _, rest = option.partition('.')
    if first not in cfg:
        return f"a config has no section '{first}'{suggestion(first, TOP_LEVEL)}"
    copies = list(_copies(cfg, first))
    if not copies:
        return (
            f"'{first}' is a variable of the config file, and nothing reads it: set "
            'the section that is meant, such as model or train_dataloader.'
        )
    found = ' and '.join(f'{path}{"." * bool(rest)}{rest}' for path in copies[:4])
    return (
        f"'{first}' is a variable of the config file, copied into the sections when "
        f'the file was read: set {found} instead.'
    )


def _copies(cfg: Config, name: str) -> Iterator[str]:
    """Paths, as options, of the values equal to a variable's."""
    value = cfg[name]
    equal = [
        node
        for node in walk(cfg)
        if type(node.value) is type(value) and node.value == value
    ]
    # A number may be equal by chance: those of its name come first and alone.
    named = [node for node in equal if node.key == name]
    for node in named or equal:
        yield node.path.replace('[', '.').replace(']', '')
