"""The report: one HTML page about one or several runs."""

from .collect import Run, collect_run
from .page import write_page
from .snapshots import Snapshot, take_snapshot

__all__ = ['Run', 'Snapshot', 'collect_run', 'take_snapshot', 'write_page']
