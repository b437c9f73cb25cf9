"""Build steps that pyproject.toml cannot describe.

A wheel holds configs and tools in ``cld_mm/.mim``, where OpenMMLab's ``mim`` looks for
them. An editable install uses those of the checkout.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
COPIED = ('configs', 'tools', 'releases', 'model-index.yml')
# The command that pretrains, embeds and so on; tools/*.py work without it.
HAS_COMMAND = (ROOT / 'cld_mm/cli/main.py').is_file()


class BuildWithTools(build_py):
    """Build, and copy configs and tools into the package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'cld_mm/.mim'
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in COPIED:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns('__pycache__', '*.pyc')
                shutil.copytree(ROOT / name, target / name, ignore=ignored)
            else:
                shutil.copy2(ROOT / name, target / name)


def requirements(name: str) -> list[str]:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


setup(
    extras_require={
        'mmcv-lite': requirements('mmcv_lite'),
        'tests': requirements('tests'),
        'docs': requirements('docs'),
        'benchmarks': ['lightly', 'faiss-cpu'],
        'shards': ['webdataset'],
        'umap': ['umap-learn'],
        'jpeg': ['simplejpeg'],
        'heif': ['pillow-heif'],
        'dicom': ['pydicom'],
        'raw': ['rawpy'],
        'tiff': ['tifffile'],
        'parquet': ['pyarrow'],
        'trackers': ['wandb', 'mlflow'],
        'onnx': ['onnx', 'onnxruntime', 'onnxscript'],
    },
    cmdclass={'build_py': BuildWithTools},
    entry_points={'console_scripts': ['cldmm = cld_mm.cli.main:main'] * HAS_COMMAND},
)
