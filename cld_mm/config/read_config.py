"""Read a config file, with an error that says what is wrong with it."""

import re
from pathlib import Path

from mmengine.config import Config

from .error import ConfigError


def read_config(path: str | Path) -> Config:
    """The config in a file, with what it inherits.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: it cannot be read.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'the config {path} does not exist: the recipes are in configs/.'
        )
    try:
        return Config.fromfile(path)
    except SyntaxError as error:
        where = (error.filename or '').replace('<unknown>', '')
        raise ConfigError(
            f'the config {where or path} cannot be read: {error.msg} in line '
            f'{error.lineno}.'
        ) from error
    except Exception as error:  # a Python config is a program, and may raise anything
        reason = _reason(error)
        raise ConfigError(f'the config {path} cannot be read: {reason}.') from error


def _reason(error: Exception) -> str:
    text = ' '.join(str(error).split()).rstrip('.')
    over_none = re.match(r'(\w+)=.* in child config cannot inherit from base', text)
    if over_none:
        name = over_none[1]
        return (
            f'{name} is a dict here, but not in the base config, so the two cannot be '
            f"merged: write {name}=dict(_delete_=True, ...) to replace the base's"
        )
    return f'{type(error).__name__}{": " * bool(text)}{_shorten(text)}'


def _shorten(text: str, width: int = 300) -> str:
    """The start and the end of a long text."""
    half = width // 2
    return text if len(text) <= width else f'{text[:half]} ... {text[-half:]}'
