"""The tutorial shows the files of the tested plugin."""

import re

from tests.helpers import ROOT

SHOWN = re.compile(
    r'<!-- not run: (tests/plugin/\S+) -->\n```python\n(.*?)```', re.DOTALL
)


def test_the_tutorial_shows_the_files_as_they_are() -> None:
    page = (ROOT / 'docs/tutorials/add-your-own.md').read_text()
    shown = dict(SHOWN.findall(page))
    assert len(shown) == 7
    assert shown == {name: (ROOT / name).read_text() for name in shown}
