"""Run a program as on a machine without mmcv: PROGRAM WORDS..."""

import importlib.util
import runpy
import sys
from importlib.machinery import ModuleSpec

find_spec = importlib.util.find_spec


def find_other(name: str, package: str | None = None) -> ModuleSpec | None:
    """As importlib's, but mmcv is never found."""
    return None if name == 'mmcv' else find_spec(name, package)


if __name__ == '__main__':
    importlib.util.find_spec = find_other
    program, sys.argv = sys.argv[1], sys.argv[1:]
    if program.endswith('.py'):
        runpy.run_path(program, run_name='__main__')
    else:
        runpy.run_module(program, run_name='__main__', alter_sys=True)
