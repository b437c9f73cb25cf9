"""The report: one HTML page about one or several runs."""

from .collect import Run, collect_run
from .page import write_page
from .snapshots import Snapshot, look_at_run

__all__ = ['Run', 'Snapshot', 'collect_run', 'look_at_run', 'write_page']
