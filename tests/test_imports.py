"""What importing the package does, and what it leaves alone."""

import subprocess
import sys

import pytest

from tests.helpers.run_tools import run_process


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_neither_torch_nor_mmengine() -> None:
    assert run(
        'import sys, cld_mm; print([m for m in ("torch", "mmengine", "mmcv", '
        '"matplotlib") if m in sys.modules])'
    ) == str([])


def test_the_criterion_needs_torch_only() -> None:
    assert run(
        'import sys\n'
        'for name in ("mmengine", "mmcv", "mmpretrain", "torchvision"):\n'
        '    sys.modules[name] = None\n'
        'import torch\n'
        'from cld_mm import CLDCriterion\n'
        'loss = CLDCriterion(num_groups=2)(torch.eye(8), torch.eye(8))\n'
        'print(loss.isfinite().item())'
    ) == str(True)


def test_a_training_loads_neither_scikit_learn_nor_matplotlib() -> None:
    # Each takes about a second of every start; transformers loads both.
    assert run(
        'import sys\n'
        'sys.modules["transformers"] = None\n'
        'import cld_mm.registry as r\n'
        'import cld_mm.engine.runner\n'
        'for registry in (r.MODELS, r.HOOKS, r.LOOPS, r.DATASETS, r.METRICS):\n'
        '    registry.import_from_location()\n'
        'print([m for m in ("sklearn", "matplotlib.pyplot") if m in sys.modules])'
    ) == str([])


@pytest.mark.parametrize('module', ['cld_mm', 'cld_mm.registry', 'cld_mm.apis'])
def test_import_replaces_no_reader_of_mmengine(module: str) -> None:
    assert run(
        'import importlib\n'
        f'importlib.import_module({module!r})\n'
        'import matplotlib\n'
        'from mmengine.fileio.handlers.registry_utils import file_handlers\n'
        'from mmengine.runner.checkpoint import CheckpointLoader\n'
        'parts = [type(h) for h in file_handlers.values()]\n'
        'parts += CheckpointLoader._schemes.values()\n'
        'print({p.__module__.split(".")[0] for p in parts} - {"mmengine"})'
    ) == str(set())


def test_secure_mmengine_replaces_the_readers() -> None:
    assert run(
        'from cld_mm.fileio.secure_mmengine import secure_mmengine\n'
        'secure_mmengine()\n'
        'from mmengine.fileio.handlers.registry_utils import file_handlers\n'
        'print(type(file_handlers["yaml"]).__module__)'
    ).startswith('cld_mm.')


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    import cld_mm

    with pytest.raises(AttributeError, match='no attribute'):
        _ = cld_mm.nothing


@pytest.mark.parametrize(
    'words',
    [
        ('cld_mm.cli.main', 'pretrain', '/no/images', '--time', '3m'),
        ('tools/train.py', 'configs/cpu/npid_r18w16_cifar10_4k.py'),
        ('tools/knn.py', 'configs/cpu/npid_r18w16_cifar10_4k.py', '/no/file.pth'),
    ],
)
def test_a_missing_mmcv_says_what_to_install(words: tuple[str, ...]) -> None:
    done = run_process('tests/programs/without_mmcv.py', *words, ok=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert 'pip install mmcv-lite' in done.stderr
