"""From flags to a config and a work dir."""

import argparse
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cld_mm.cli.arguments import add_common_flags
from cld_mm.cli.run_tool import load_config, results_folder, set_loader_defaults
from tests.helpers import ROOT
from tests.helpers.recipes import read_recipe

CONFIG = ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py'


def flags(*words: Any) -> Any:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?')
    parser.add_argument('--epochs', type=int)
    add_common_flags(parser)
    return parser.parse_args([str(CONFIG), *map(str, words)])


def test_epochs_change_training_and_schedule() -> None:
    notes = []
    cfg = load_config(flags('--epochs', 3), notes)
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler.T_max == 3
    assert any('T_max 10 -> 3' in note for _, note in notes)


def test_a_schedule_of_another_length_is_a_note() -> None:
    notes = []
    load_config(flags('--cfg-options', 'param_scheduler.T_max=20'), notes)
    ((_, note),) = notes
    assert 'T_max is 20' in note
    assert 'max_epochs is 10' in note


def test_the_default_work_dir_has_the_name_of_the_config() -> None:
    assert load_config(flags()).work_dir == f'work_dirs/{CONFIG.stem}'


def test_results_go_beside_the_checkpoint(tmp_path: Path) -> None:
    args = flags(tmp_path / 'epoch_3.pth')
    assert results_folder(args) == tmp_path
    assert load_config(args).work_dir == str(tmp_path / 'evaluation')


def test_results_go_to_the_work_dir_that_is_named(tmp_path: Path) -> None:
    args = flags(tmp_path / 'epoch_3.pth', '--work-dir', tmp_path / 'other')
    assert results_folder(args) == tmp_path / 'other'


def test_every_loader_gets_the_same_defaults() -> None:
    cfg = read_recipe()
    inner = cfg.val_cfg.train_dataloader
    del inner['collate_fn']
    set_loader_defaults(cfg, SimpleNamespace(no_pin_memory=True), persistent=False)
    assert inner.collate_fn.type == 'default_collate'
    assert inner.pin_memory is inner.persistent_workers is False


@pytest.mark.parametrize('name', ['run_tool', 'arguments', 'command_line'])
def test_importing_needs_neither_torch_nor_mmengine(name: str) -> None:
    code = (
        f'import cld_mm.cli.{name}, sys; '
        'print([n for n in ("torch", "mmengine", "numpy") if n in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == '[]', done.stderr
