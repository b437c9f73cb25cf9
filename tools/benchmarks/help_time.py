"""CPU seconds of ``--help`` of every tool: ``python tools/benchmarks/help_time.py``.

The least of three runs each. The last line is JSON: the slowest tool and its seconds.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tools() -> list[Path]:
    """All scripts below tools/ that have a command line."""
    return [
        path
        for path in sorted((ROOT / 'tools').rglob('*.py'))
        if 'argparse' in (text := path.read_text()) and "__name__ == '__main__'" in text
    ]


def cpu_seconds(tool: Path) -> float:
    """User and system time of one ``--help``.

    Raises:
        RuntimeError: the tool fails or prints no help.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603 our own tools
        [sys.executable, str(tool), '--help'], capture_output=True, text=True, cwd=ROOT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or not done.stdout.startswith('usage:'):
        raise RuntimeError(f'{tool.relative_to(ROOT)} --help: {done.stderr[-300:]}')
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(used, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description='Time --help of every tool.')
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    seconds = {}
    for tool in tools():
        name = str(tool.relative_to(ROOT))
        seconds[name] = min(cpu_seconds(tool) for _ in range(args.repeats))
        print(f'{seconds[name]:6.2f} s  {name}', flush=True)
    slowest = max(seconds, key=seconds.__getitem__)
    print(json.dumps({'slowest': slowest, 'seconds': seconds[slowest]}))


if __name__ == '__main__':
    main()
