"""Studies: arms, seeds and measures in a config; results as JSON; a report.

``tools/study.py`` runs them; docs/evidence.md shows those of this project.
"""

from .plan import Arm, Run, Study, StudyError, load_study

__all__ = ['Arm', 'Run', 'Study', 'StudyError', 'load_study']
