"""Known vulnerabilities of the pinned and of the installed packages.

Some mirrors of the package index have no database and report each package as unknown;
where the database cannot be reached in a minute, this says so and passes.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AUDITS = {
    'pinned packages': (
        ['-r', 'requirements/constraints.txt', '--no-deps', '--disable-pip']
    ),
    'installed packages': ['--local'],
}


def audit(what: str, flags: list[str]) -> bool:
    """Print what is known; whether there is a vulnerability."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / 'report.json'
        command = [sys.executable, '-m', 'pip_audit', '--progress-spinner', 'off']
        command += ['-f', 'json', '-o', str(report), *flags]
        try:
            done = subprocess.run(  # noqa: S603 our own arguments
                command, cwd=ROOT, capture_output=True, text=True, timeout=60
            )
            packages = json.loads(report.read_text())['dependencies']
        except (subprocess.TimeoutExpired, OSError):
            print(f'{what}: NOT audited (no answer from the database)')
            return False
        except ValueError:
            print(f'{what}: NOT audited ({done.stderr.strip()[-200:]})')
            return False
    audited = [package for package in packages if 'skip_reason' not in package]
    found = [(package, v) for package in audited for v in package.get('vulns', [])]
    for package, vulnerability in found:
        fixed = ', '.join(vulnerability['fix_versions']) or 'no release yet'
        name = f'{package["name"]} {package["version"]}'
        print(f'{name}: {vulnerability["id"]}, fixed in {fixed}')
    print(f'{what}: {len(audited)} of {len(packages)} audited, {len(found)} known')
    return bool(found)


if __name__ == '__main__':
    found = [audit(what, flags) for what, flags in AUDITS.items()]
    sys.exit(any(found))
