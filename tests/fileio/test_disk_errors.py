"""A work dir that fills up, goes away or turns read-only under a training run."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cld_mm.engine import runner as runner_module
from cld_mm.engine.checkpoint import newest_good, write_checkpoint
from cld_mm.registry import HOOKS
from tests.helpers.run_tools import call_tool
from tools.stress import small_configs

FULL = Path('/dev/full')  # takes nothing: "No space left on device"


@HOOKS.register_module()
class DiskFault(Hook):
    """After two iterations the disk is not what it was."""

    priority = 'VERY_HIGH'

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        if runner.iter + 1 != 3:
            return
        work_dir = Path(runner.work_dir)
        checkpoints = work_dir.parent / 'saved' / work_dir.name
        if self.kind == 'log':
            for handler in runner.logger.handlers:
                if hasattr(handler, 'baseFilename'):
                    handler.stream = FULL.open('w')
        elif self.kind == 'scalars':
            path = Path(runner.log_dir) / 'vis_data/scalars.json'
            path.unlink()
            path.symlink_to(FULL)
        elif self.kind in ('gone', 'file'):
            shutil.rmtree(work_dir)
            if self.kind == 'file':
                work_dir.touch()
        elif self.kind == 'checkpoints a file':
            checkpoints.rename(checkpoints.with_name('aside'))
            checkpoints.touch()
        elif self.kind == 'read-only':
            place = str(work_dir)
            subprocess.run(['mount', '--bind', place, place], check=True)
            subprocess.run(['mount', '-o', 'remount,ro,bind', place], check=True)


SAID = {
    'log': (
        '.log in the work dir cannot be written: its disk is full',
        'free some space',
    ),
    'scalars': ('/work cannot be written: its disk is full', 'free some space'),
    'gone': ('cannot be written: it is gone', 'restore it'),
    'file': ('cannot be written: a file has taken its place', 'move that away'),
    'checkpoints a file': (
        '/saved/work/iter_4.pth cannot be written: a file has taken its place',
        'move that away',
    ),
    'read-only': ('cannot be written: it is read-only', 'make it writable'),
}


def mountable(folder: Path) -> str | None:
    """Why nothing can be mounted; None if it can."""
    try:
        done = subprocess.run(
            ['mount', '--bind', folder, folder], capture_output=True, text=True
        )
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        subprocess.run(['umount', folder], check=True)
    return done.stderr.strip() if done.returncode else None


@pytest.mark.parametrize('kind', SAID)
def test_a_disk_that_fails_in_training_ends_it_in_one_sentence(
    kind: str, digits: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    reason = mountable(work_dir) if kind == 'read-only' else None
    if reason is not None:
        pytest.skip(f'nothing can be mounted here: {reason}')
    cfg = small_configs.config(
        'moco',
        work_dir,
        digits,
        train_dataloader__batch_size=6,
        default_hooks__logger__interval=1,
    )
    cfg.visualizer.vis_backends = [{'type': 'LocalVisBackend'}]
    cfg.log_level = 'INFO'
    cfg.custom_hooks.append({'type': 'DiskFault', 'kind': kind})
    if kind.startswith('checkpoints'):
        cfg.default_hooks.checkpoint.out_dir = str(tmp_path / 'saved')
    cfg.experiment_name = f'disk-{tmp_path.name}'
    path = tmp_path / 'config.py'
    cfg.dump(path)
    try:
        done = call_tool('tools/train.py', path, '--work-dir', work_dir)
    finally:
        if kind == 'read-only':
            subprocess.run(['umount', '-l', work_dir], check=True)
    said = done.stderr + capfd.readouterr().err
    assert done.code == 1, said
    assert 'Traceback' not in said
    assert 'Logging error' not in said
    errors = [line for line in said.splitlines() if line.startswith('error:')]
    assert len(errors) == 1, said
    for words in (*SAID[kind], '--resume'):
        assert words in errors[0]
    if kind not in ('gone', 'file'):
        aside = tmp_path / 'saved/aside'
        folder = aside if aside.exists() else work_dir
        assert newest_good(folder).name == 'iter_2.pth'
        assert not list(tmp_path.rglob('.*.part'))
    else:
        assert not os.path.isdir(work_dir)


def test_a_checkpoint_that_goes_between_choice_and_load(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        meta = {'iter': step, 'epoch': 0, 'run': 7}
        state = {'meta': meta, 'state_dict': {}, 'optimizer': {}}
        write_checkpoint(state, tmp_path / f'iter_{step}.pth')
    cfg = small_configs.config('moco', tmp_path, digits, train_dataloader__batch_size=6)
    cfg.experiment_name = f'gone-{tmp_path.name}'
    path = tmp_path / 'config.py'
    cfg.dump(path)
    chosen, choose = [], runner_module.choose_together

    def delete(*args: Any) -> str:
        chosen.append(Path(choose(*args)))
        chosen[-1].unlink()
        return str(chosen[-1])

    monkeypatch.setattr(runner_module, 'choose_together', delete)
    done = call_tool('tools/train.py', path, '--work-dir', tmp_path, '--resume')
    assert done.code == 1
    errors = [line for line in done.stderr.splitlines() if 'error: ' in line]
    assert len(errors) == 1
    assert 'iter_2.pth does not exist. It existed a moment ago' in errors[0]
    assert '--resume' in errors[0]
    assert [place.name for place in chosen] == ['iter_2.pth']
    assert newest_good(tmp_path).name == 'iter_1.pth'
