"""Which part of a config an exception comes from, found in its stack.

A constructor or a step of torch's or mmengine's fails without a word on the config. The
stack knows: mmengine's builder holds the part's dict, and each method its object, whose
class the config names.
"""

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from mmengine.config import Config

# mmengine's methods that build a section which is not built by its type alone.
BUILDERS = {
    'build_train_loop': 'train_cfg',
    'build_val_loop': 'val_cfg',
    'build_test_loop': 'test_cfg',
    'build_optim_wrapper': 'optim_wrapper',
    'build_param_scheduler': 'param_scheduler',
    'build_model': 'model',
    'build_visualizer': 'visualizer',
    'build_log_processor': 'log_processor',
    'register_default_hooks': 'default_hooks',
    'register_custom_hooks': 'custom_hooks',
    'set_randomness': 'randomness',
    'setup_env': 'env_cfg',
    'scale_lr': 'auto_scale_lr',
}
SHOWN = 240  # letters of settings


def blamed(error: BaseException, cfg: Config) -> str:
    """Path and settings of the part, such as ``model.neck (type='NormMLP', ...)``.

    Returns:
        An empty string where no frame belongs to a part of the config.
    """
    parts = dict(_parts(cfg.to_dict(), ''))
    frames = list(_frames(error))
    for place, frame in enumerate(frames):
        path = _part_of(frame, frames[place + 1 :], parts)
        if path:
            before = _before(path, parts)
            behind = f', behind {before} ({_settings(parts[before])})' if before else ''
            return f'{path} ({_settings(parts[path])}){behind}'
    for frame in frames:
        section = BUILDERS.get(frame.f_code.co_name, '')
        if section in cfg:
            return section
    return ''


def _before(path: str, parts: Mapping[str, Mapping]) -> str:
    """The part whose output this one reads: shapes that differ may be its fault."""
    owner, _, name = path.rpartition('.')
    for part in {'neck': ('backbone',), 'head': ('neck', 'backbone')}.get(name, ()):
        # One without settings, such as a pooling, is at no fault.
        if set(parts.get(f'{owner}.{part}', {})) > {'type'}:
            return f'{owner}.{part}'
    return ''


def _frames(error: BaseException | None) -> Iterator[FrameType]:
    """Deepest first; those of what caused the error before its own."""
    seen: list[FrameType] = []
    while error is not None:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        seen = frames[::-1] if not seen else [*frames[::-1], *seen]
        error = error.__cause__ or error.__context__
    yield from seen


def _parts(node: Any, path: str) -> Iterator[tuple[str, Mapping]]:
    if isinstance(node, Mapping):
        if path:
            yield path, node
        for key, value in node.items():
            yield from _parts(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            yield from _parts(value, f'{path}[{place}]')


# The runner's sections come before left-over variables of the same content.
FIRST = (
    'model',
    'train_dataloader',
    'train_cfg',
    'val_dataloader',
    'val_cfg',
    'val_evaluator',
    'test_dataloader',
    'test_cfg',
    'test_evaluator',
    'optim_wrapper',
    'param_scheduler',
    'custom_hooks',
    'default_hooks',
)


def _part_of(
    frame: FrameType, outer: list[FrameType], parts: Mapping[str, Mapping]
) -> str:
    """The part that a frame builds or runs; the most likely of several like it."""
    found = _built(frame, parts)
    if found:
        return _inside(found, outer, parts)
    owner = frame.f_locals.get('self')
    found = [] if owner is None else _named(type(owner).__name__, parts)
    if len(found) < 2:
        return ''.join(found)
    for other in outer:  # the part itself is being built: its dict is at hand
        built = set(_built(other, parts)) & set(found)
        if built:
            return _inside(sorted(built), outer, parts)
    alike = {path: _likeness(owner, parts[path]) for path in found}
    best = [path for path in found if alike[path] == max(alike.values())]
    return _inside(best, outer, parts)


def _inside(
    paths: list[str], outer: list[FrameType], parts: Mapping[str, Mapping]
) -> str:
    """Of several paths, one in the section; and in the part, that the stack is in."""
    paths = [path for path in paths if path.startswith(FIRST)] or paths
    for frame in outer if len(paths) > 1 else ():
        owner = frame.f_locals.get('self')
        name = '' if owner is None else type(owner).__name__
        around = _built(frame, parts) or _named(name, parts)
        inner = [p for p in paths if any(p.startswith(f'{a}.') for a in around)]
        if inner:
            return min(inner, key=lambda path: path.count('.'))
    return paths[0]


def _likeness(owner: Any, part: Mapping) -> int:
    """How many of a part's settings an object has, less those it has otherwise."""
    score = 0
    for key, value in part.items():
        own = getattr(owner, key, None)
        if isinstance(value, (str, int, float, list, tuple)) and own is not None:
            own = list(own) if isinstance(own, tuple) else own
            value = list(value) if isinstance(value, tuple) else value
            score += 1 if type(own) is type(value) and own == value else -1
    return score


def _built(frame: FrameType, parts: Mapping[str, Mapping]) -> list[str]:
    # mmengine's functions that build a part, and their names for its dict.
    names = {'build_from_cfg': 'cfg', 'build_dataloader': 'dataloader'}
    part = frame.f_locals.get(names.get(frame.f_code.co_name, ''))
    if not isinstance(part, Mapping):
        return []
    same = [path for path, other in parts.items() if dict(other) == dict(part)]
    return same or _named(part.get('type', ''), parts)


def _named(name: Any, parts: Mapping[str, Mapping]) -> list[str]:
    def last(text: Any) -> str:
        return str(text).replace('/', '.').rsplit('.', 1)[-1]

    return [
        path
        for path, part in parts.items()
        if name and last(part.get('type', '-')) == last(name)
    ]


def _settings(part: Mapping) -> str:
    shown = []
    for key, value in part.items():
        if isinstance(value, (Mapping, list)) and len(repr(value)) > 40:
            value = '{...}' if isinstance(value, Mapping) else '[...]'
            shown.append(f'{key}={value}')
        else:
            shown.append(f'{key}={value!r}')
    text = ', '.join(shown)
    return text if len(text) <= SHOWN else f'{text[:SHOWN]}...'
