"""Studies: arms, seeds and measures in a config; results as JSON; a report.

``tools/study.py`` runs them; docs/evidence.md shows those of this project.
"""

from . import curve_hook  # registers the hook
from .plan import Arm, Run, Study, StudyError, load_study

__all__ = ['Arm', 'Run', 'Study', 'StudyError', 'curve_hook', 'load_study']
