"""A confusion matrix as JSON and picture: ``confusion_matrix.py CONFIG CHECKPOINT``.

The same tool as tools/visualization/confusion_matrix.py, at the path that OpenMMLab's
toolboxes use.
"""

import runpy
from pathlib import Path

if __name__ == '__main__':
    tools = Path(__file__).resolve().parents[1]
    runpy.run_path(
        str(tools / 'visualization/confusion_matrix.py'), run_name='__main__'
    )
