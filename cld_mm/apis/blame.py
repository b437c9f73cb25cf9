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
    for frame in frames:
        path = _built(frame, parts) or _running(frame, parts)
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
        if f'{owner}.{part}' in parts:
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
FIRST = ('model', 'train_', 'val_', 'test_', 'optim', 'param', 'custom', 'default')


def _best(paths: list[str]) -> str:
    return min(paths, key=lambda path: not path.startswith(FIRST)) if paths else ''


def _built(frame: FrameType, parts: Mapping[str, Mapping]) -> str:
    if frame.f_code.co_name not in ('build_from_cfg', 'build_runner_from_cfg'):
        return ''
    part = frame.f_locals.get('cfg')
    if not isinstance(part, Mapping) or 'type' not in part:
        return ''
    same = [path for path, other in parts.items() if dict(other) == dict(part)]
    return _best(same) or _named(part['type'], parts)


def _running(frame: FrameType, parts: Mapping[str, Mapping]) -> str:
    owner = frame.f_locals.get('self')
    return '' if owner is None else _named(type(owner).__name__, parts)


def _named(name: Any, parts: Mapping[str, Mapping]) -> str:
    def last(text: Any) -> str:
        return str(text).replace('/', '.').rsplit('.', 1)[-1]

    return _best(
        [path for path, part in parts.items() if last(part.get('type', '-')) == name]
    )


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
