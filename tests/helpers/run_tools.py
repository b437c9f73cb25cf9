"""Run command-line tools: in this process, or in one of their own."""

import contextlib
import importlib.util
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from . import ROOT


class Finished(NamedTuple):
    """How a tool that ran in this process ended."""

    code: int
    stdout: str
    stderr: str


def load_program(path: str) -> Any:
    """A program of the project as a module, without running it."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call_tool(path: str, *words: Any) -> Finished:
    """``python PATH WORDS...`` without the seconds that a new process takes.

    Arguments, import paths, signal handlers and the working directory are those of
    before when it returns.
    """
    name = f'tool_{Path(path).stem}'
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = sys.argv, sys.path, os.getcwd()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    if hasattr(signal, 'SIGUSR1'):
        handlers[signal.SIGUSR1] = signal.getsignal(signal.SIGUSR1)
    try:
        sys.argv, sys.path = [path, *map(str, words)], list(sys.path)
        os.chdir(ROOT)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            spec.loader.exec_module(tool)
            tool.main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else bool(leaving.code)
    finally:
        sys.argv, sys.path = before[:2]
        os.chdir(before[2])
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return Finished(code, out.getvalue(), err.getvalue())


def run_process(
    *words: Any, ok: bool = True, seconds: float = 240, **env: str
) -> subprocess.CompletedProcess[str]:
    """``python WORDS...`` in a process of its own; ``bash WORDS...`` for a .sh file."""
    shell = str(words[0]).endswith('.sh')
    done = subprocess.run(
        ['bash' if shell else sys.executable, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, **env},
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done
