"""Check spelling (American) and wording of all tracked files.

    python .ci/check_english.py [--counts] [FILES...]

Words are codespell's part: its dictionaries and .codespell/words.txt, set in
pyproject.toml. Phrases of several words are in .codespell/phrases.txt.
"""

import argparse
import collections
import functools
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = {'.cff', '.css', '.html', '.js', '.md', '.py', '.sh', '.toml', '.txt', '.yml'}
# Generated files, and the lists of unwanted words themselves.
SKIPPED = ('.codespell/', 'requirements/', 'tests/test_check_english.py')


@functools.cache
def read_phrases() -> list[tuple[re.Pattern[str], str]]:
    phrases = []
    for line in (ROOT / '.codespell/phrases.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            pattern, advice = line.split(' -> ')
            pattern = pattern.replace(' ', r'(?:[ \t]+|[ \t]*\n[ \t#]*)')
            phrases.append((re.compile(rf'\b{pattern}', re.IGNORECASE), advice))
    return phrases


def check_phrases(path: str, text: str) -> list[str]:
    """Lines ``path:line: found ==> advice``, as codespell prints them."""
    return [
        f'{path}:{text.count(chr(10), 0, match.start()) + 1}: '
        f'{" ".join(match.group().split())} ==> {advice}'
        for pattern, advice in read_phrases()
        for match in pattern.finditer(text)
    ]


def check_words(paths: list[str]) -> list[str]:
    """What codespell finds in the contents and in the names of files."""
    codespell = [sys.executable, '-m', 'codespell_lib', '--toml', 'pyproject.toml']
    contents = subprocess.run(  # noqa: S603 our own arguments
        [*codespell, '--', *paths], capture_output=True, text=True, cwd=ROOT
    )
    names = subprocess.run(  # noqa: S603
        [*codespell, '-'],
        input='\n'.join(paths),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    for run in (contents, names):
        if run.returncode not in (0, 65):
            sys.exit(run.stderr or run.stdout)
    named = []
    for line in names.stdout.splitlines():
        number, found = line.split(': ', 1) if ': ' in line else ('', line)
        if number.isdigit():
            named.append(f'{paths[int(number) - 1]}:0: file name: {found.strip()}')
    return [line.removeprefix('./') for line in contents.stdout.splitlines()] + named


def tracked() -> list[str]:
    listing = subprocess.run(
        ['git', 'ls-files'],  # noqa: S607
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return listing.stdout.splitlines()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('files', nargs='*', help='all tracked files if none is given')
    parser.add_argument('--counts', action='store_true', help='print counts by file')
    args = parser.parse_args()
    paths = [
        path
        for path in args.files or tracked()
        if Path(path).suffix in TEXT and not path.startswith(SKIPPED)
    ]
    findings = check_words(paths)
    for path in paths:
        findings += check_phrases(path, (ROOT / path).read_text(encoding='utf-8'))
    findings.sort()
    if args.counts:
        counts = collections.Counter(line.split(':')[0] for line in findings)
        for path, number in counts.most_common():
            print(f'{number:5d} {path}')
    else:
        print(*findings, sep='\n', end='\n' if findings else '')
    print(f'{len(findings)} findings in {len(paths)} files')
    return bool(findings)


if __name__ == '__main__':
    sys.exit(main())
