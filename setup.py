"""Packaging of cld_mm; the versions that were tested stand in requirements/."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def version() -> str:
    scope: dict = {}
    exec((ROOT / 'cld_mm/version.py').read_text(), scope)  # noqa: S102 our own file
    return scope['__version__']


def requirements(name: str) -> list[str]:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


setup(
    name='cld_mm',
    version=version(),
    description='Self-supervised pre-training by instance and group discrimination',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='MIT',
    python_requires='>=3.10',
    packages=find_packages(include=['cld_mm', 'cld_mm.*']),
    package_data={'cld_mm.report': ['page.*', '*.js']},
    install_requires=requirements('core'),
    entry_points={'console_scripts': ['cldmm = cld_mm.cli.main:main']},
    extras_require={
        'mmcv-lite': requirements('mmcv_lite'),
        'tests': requirements('tests'),
        'benchmarks': ['lightly', 'faiss-cpu'],
        'shards': ['webdataset'],
        'umap': ['umap-learn'],
        'onnx': ['onnx', 'onnxruntime', 'onnxscript'],
    },
    zip_safe=False,
)
