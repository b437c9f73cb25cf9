"""Which part of a config an exception comes from, noted while the parts are built."""

import functools
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mmengine.registry
import mmpretrain.registry
from mmengine.config import Config
from mmengine.registry import Registry

import cld_mm.registry

from .error import shorten
from .tree import walk

LOOPS = ('train_cfg', 'val_cfg', 'test_cfg')  # they build dataloaders
SHOWN = 240  # characters of settings


class PartRecorder:
    """Knows the path of each part that was built from a config, or failed to be.

    Args:
        cfg: the config.
    """

    def __init__(self, cfg: Config) -> None:
        self._parts = {
            node.path: node.value
            for node in walk(cfg.to_dict())
            if isinstance(node.value, Mapping)
        }
        self._building: list[str] = []  # paths, outermost first
        self._last_built = ''
        # By the object's id; objects are kept, so no id is given twice.
        self._built: dict[int, tuple[object, str]] = {}
        self._failed: dict[int, tuple[BaseException, str]] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Note what any registry builds inside."""
        modules = (mmengine.registry, mmpretrain.registry, cld_mm.registry)
        registries = {
            id(value): value
            for module in modules
            for value in vars(module).values()
            if isinstance(value, Registry)
        }.values()
        before = [(registry, registry.build_func) for registry in registries]
        for registry, build in before:
            registry.build_func = self._recorded(build)
        try:
            yield
        finally:
            for registry, build in before:
                registry.build_func = build

    def _recorded(self, build: Callable) -> Callable:
        @functools.wraps(build)
        def build_and_note(cfg: Any, *args: Any, **kwargs: Any) -> Any:
            path = self._path_of(cfg)
            self._building.append(path)
            try:
                built = build(cfg, *args, **kwargs)
            except Exception as error:
                self._failed.setdefault(id(error), (error, path))
                raise
            finally:
                self._building.pop()
            self._last_built = path or self._last_built
            self._built[id(built)] = (built, path)
            return built

        return build_and_note

    def _path_of(self, part: Any) -> str:
        """Of the parts of its type, one within the part being built, and most alike."""
        if not isinstance(part, Mapping):
            return ''
        around = next((path for path in reversed(self._building) if path), '')
        alike = [
            path
            for path, other in self._parts.items()
            if other.get('type') == part.get('type', '')
        ]
        return max(
            alike,
            key=lambda path: (
                path.startswith(around),
                sum(part.get(k) == v for k, v in self._parts[path].items()),
            ),
            default='',
        )

    def locate(self, error: BaseException) -> str:
        """Path and settings of a part, such as ``model.neck (type='NormMLP', ...)``.

        Returns:
            An empty string where the error belongs to no part.
        """
        errors = list(_causes(error))[::-1]
        frames = [
            frame
            for cause in errors
            for frame, _ in reversed(list(traceback.walk_tb(cause.__traceback__)))
        ]
        functions = [frame.f_code.co_name for frame in frames]
        path = self._failing_build(errors, functions)
        for frame in () if path else frames:  # the object whose method failed
            owner = frame.f_locals.get('self')
            path = path or self._built.get(id(owner), (owner, ''))[1]
        if path not in self._parts:
            return path
        before = self._before(path)
        after = f', after {before} ({self._settings(before)})' if before else ''
        return f'{path} ({self._settings(path)}){after}'

    def _failing_build(self, errors: list, functions: list[str]) -> str:
        failed = [self._failed[id(e)][1] for e in errors if id(e) in self._failed]
        path = failed[0] if failed else ''
        if 'build_dataloader' in functions and path in ('', *LOOPS):
            return self._last_built.rpartition('.')[0]  # of its dataset or sampler
        return path

    def _before(self, path: str) -> str:
        """The part whose output this one reads: shapes that differ may be its fault."""
        owner, _, name = path.rpartition('.')
        for part in {'neck': ('backbone',), 'head': ('neck', 'backbone')}.get(name, ()):
            # One without settings, such as a pooling, is at no fault.
            if set(self._parts.get(f'{owner}.{part}', {})) > {'type'}:
                return f'{owner}.{part}'
        return ''

    def _settings(self, path: str) -> str:
        settings = self._parts[path].items()
        text = ', '.join(f'{key}={shorten(value, 40)}' for key, value in settings)
        return text if len(text) <= SHOWN else f'{text[:SHOWN]}...'


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
