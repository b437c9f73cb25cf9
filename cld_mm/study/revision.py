"""Which code made a result: the git commit, or the package's version."""

import subprocess
from pathlib import Path

from cld_mm.version import __version__

ROOT = Path(__file__).resolve().parents[2]
CODE = ('cld_mm', 'configs')


def code_revision(root: Path = ROOT) -> str:
    """The newest commit that changed code or configs; '+changes' if they differ now.

    Outside a git repository the package's version.
    """
    commit = _git(root, 'log', '-1', '--format=%H', '--', *CODE)
    if not commit:
        return f'version {__version__}'
    changed = _git(root, 'status', '--porcelain', '--untracked-files=all', '--', *CODE)
    return commit + '+changes' * bool(changed)


def _git(root: Path, *args: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 fixed arguments
            ['git', '-C', str(root), *args],  # noqa: S607 from PATH
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''
