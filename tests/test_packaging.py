"""Declared requirements, and the wheel and sdist that are built from the checkout."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.helpers import ROOT
from tests.helpers.run_tools import run_process

# Not on the package index in a form that CI could install; its test says so.
NOT_REQUIRED = {'mmdet'}


def read(name: str) -> dict[str, Requirement]:
    """The requirements of one file, by normalized name."""
    lines = (ROOT / f'requirements/{name}.txt').read_text().splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in '#-']
    return {normalize(requirement.name): requirement for requirement in found}


def normalize(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def extras() -> set[str]:
    """Names that setup.py offers as extras."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    lists = [n for n in ast.walk(tree) if isinstance(n, ast.List)]
    names = [e.value for n in lists for e in n.elts if isinstance(e, ast.Constant)]
    found = [re.match(r'[\w.-]+', str(name)) for name in names]
    return {normalize(match[0]) for match in found if match}


def imported(folder: str, only_at_start: bool = False) -> dict[str, str]:
    """Top-level modules of other packages that a folder imports, and one place each.

    Args:
        folder: in the checkout.
        only_at_start: skip what functions import when they are called.
    """
    found = {}
    for path in sorted((ROOT / folder).rglob('*.py')):
        tree = ast.parse(path.read_text())
        nodes: Iterable[ast.AST] = tree.body if only_at_start else ast.walk(tree)
        for node in nodes:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                found[name.split('.')[0]] = str(path.relative_to(ROOT))
    own = {'cld_mm', 'tools', 'tests', *sys.stdlib_module_names, *NOT_REQUIRED}
    return {name: place for name, place in found.items() if name not in own}


def undeclared(modules: dict[str, str], declared: set[str]) -> dict[str, str]:
    owners = {'umap': ['umap-learn'], **packages_distributions()}
    return {
        module: place
        for module, place in modules.items()
        if not {normalize(name) for name in owners.get(module, [module])} & declared
    }


def test_what_importing_the_package_needs_is_a_core_requirement() -> None:
    core = {*read('core'), *read('mmcv_lite')}
    assert undeclared(imported('cld_mm', only_at_start=True), core) == {}


@pytest.mark.parametrize('folder', ['cld_mm', 'tools', 'configs'])
def test_all_imports_are_declared(folder: str) -> None:
    declared = {*read('core'), *read('mmcv_lite'), *read('tests'), *extras()}
    assert undeclared(imported(folder), declared) == {}


def test_imports_of_tests_are_test_requirements() -> None:
    declared = {*read('core'), *read('mmcv_lite'), *read('tests'), 'packaging'}
    assert undeclared(imported('tests'), declared | extras()) == {}


def test_the_oldest_supported_releases_are_the_lower_bounds() -> None:
    oldest = read('oldest')
    for name, requirement in {**read('core'), **read('mmcv_lite')}.items():
        [bound] = [s.version for s in requirement.specifier if s.operator == '>=']
        [pin] = [s.version for s in oldest[name].specifier]
        assert Version(pin).release[: len(Version(bound).release)] == (
            Version(bound).release
        ), name


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel that was built from the sdist, and that sdist."""
    out = tmp_path_factory.mktemp('dist')
    source = tmp_path_factory.mktemp('source')
    listing = run_git('ls-files', '-z').split('\0')
    for name in filter(None, listing):  # what is committed, not what lies around
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run_process('-m', 'build', '--no-isolation', '--outdir', out, source)
    return next(out.glob('*.whl')), next(out.glob('*.tar.gz'))


def run_git(*words: str) -> str:
    done = subprocess.run(['git', *words], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.slow
def test_wheel_and_sdist_hold_configs_and_tools(built: tuple[Path, Path]) -> None:
    wheel, sdist = built
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {n.removeprefix('cld_mm/.mim/') for n in archive.namelist()}
    with tarfile.open(sdist) as tar:
        in_sdist = {name.partition('/')[2] for name in tar.getnames()}
    for folder in ('configs', 'tools'):
        files = set(filter(None, run_git('ls-files', '-z', folder).split('\0')))
        assert files <= in_wheel
        assert files <= in_sdist
    assert {'cld_mm/py.typed', 'cld_mm/report/page.html'} <= in_wheel


@pytest.mark.slow
def test_a_wheel_works_outside_the_checkout(
    built: tuple[Path, Path], digits: Path, tmp_path: Path
) -> None:
    """In an environment of its own, which borrows only the other packages."""
    venv.create(tmp_path / 'venv', with_pip=False)
    scripts, site = venv_paths(tmp_path / 'venv')
    (site / 'borrowed.pth').write_text(sysconfig.get_path('purelib') + '\n')
    with zipfile.ZipFile(built[0]) as archive:
        archive.extractall(site)

    def run(*words: object) -> str:
        done = subprocess.run(
            [str(scripts / 'python'), *map(str, words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={k: v for k, v in os.environ.items() if k != 'PYTHONPATH'},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(site) in run('-c', 'import cld_mm.apis; print(cld_mm.__file__)')
    mim = site / 'cld_mm/.mim'
    config = mim / 'configs/mocov2_cld_r18_fashionmnist_10e.py'
    data = [f'train_dataloader.dataset.data_root={digits}']
    data += ['train_dataloader.dataset.indices=64', 'train_cfg.max_epochs=1']
    data += ['train_dataloader.batch_size=32', 'model.queue_len=64']
    words = ['--work-dir', tmp_path / 'run', '--no-validate', '--cfg-options', *data]
    run(mim / 'tools/train.py', config, *words)
    assert (tmp_path / 'run/epoch_1.pth').is_file()
    command = next(site.glob('cld_mm-*.dist-info')) / 'entry_points.txt'
    if (ROOT / 'cld_mm/cli/main.py').is_file():
        assert 'cldmm = cld_mm.cli.main:main' in command.read_text()
        assert 'usage: cldmm' in run('-m', 'cld_mm.cli.main', '--help')


def venv_paths(folder: Path) -> tuple[Path, Path]:
    """Folders of scripts and of packages of a virtual environment."""
    variables = {'base': str(folder), 'platbase': str(folder)}
    scheme = 'venv' if 'venv' in sysconfig.get_scheme_names() else None
    paths = sysconfig.get_paths(scheme or sysconfig.get_default_scheme(), variables)
    return Path(paths['scripts']), Path(paths['purelib'])
