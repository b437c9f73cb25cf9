"""Every suppressed security finding of ruff states its reason."""

import re

from tests.helpers import ROOT


def test_what_the_security_rules_would_find_has_its_reason() -> None:
    """A ``noqa`` of a rule S... without words beside it hides a finding."""
    found = []
    for folder in ('cld_mm', 'tools', 'configs', '.'):
        pattern = '*.py' if folder == '.' else '**/*.py'
        for path in (ROOT / folder).glob(pattern):
            for line in path.read_text().splitlines():
                match = re.search(r'noqa:[ ,A-Z0-9]*\bS\d+[, A-Z0-9]*(.*)', line)
                if match:
                    found.append((path.name, match[1].strip()))
    assert len(found) > 10
    assert [name for name, reason in found if len(reason) < 6] == []
