"""A malicious checkpoint at every command line that reads one: nothing runs."""

import json
from pathlib import Path
from typing import Any

import pytest

import cld_mm.registry  # noqa: F401
from tests.helpers.malicious import KINDS, write_malicious
from tests.helpers.run_tools import call_tool
from tools.stress import (
    comparing,  # noqa: F401
    small_configs,
    small_runs,  # noqa: F401
)

COMMANDS = {
    'export': 'cldmm export {bad} {out}.pth',
    'compare': 'analysis_tools/compare_checkpoints.py {bad} {bad}',
    'merge_bank': 'model_converters/merge_bank.py {bad} {out}',
    'convert': 'model_converters/cld_to_cldmm.py {bad} {out}',
    'revert': 'model_converters/cld_to_cldmm.py {bad} {out} --reverse',
    'replay': 'analysis_tools/replay_step.py {dump}',
    'resume': 'train.py {config} --resume {bad}',
    'resume auto': 'train.py {config} --resume',
    'load_from': 'train.py {config} --cfg-options load_from={bad}',
    'pretrained': 'train.py {probe} --pretrained {bad}',
    'test': 'test.py {config} {bad}',
    'knn': 'knn.py {config} {bad}',
    'linear': 'linear.py {config} {bad}',
    'evaluate': 'evaluate.py {config} {bad}',
    'embedding': 'visualization/embedding.py {config} {bad} --out {out}.png',
    'report': 'cldmm report {work}',
}
CHEAP = ('export', 'compare', 'merge_bank', 'convert', 'revert', 'replay')
# All four formats at all sixteen command lines; one format each of those that read a
# config is quick enough for every run.
CASES = [
    pytest.param(
        name,
        kind,
        marks=[] if name in CHEAP or place % 4 == index else pytest.mark.slow,
    )
    for place, name in enumerate(COMMANDS)
    for index, kind in enumerate(KINDS)
]


@pytest.fixture(scope='module')
def configs(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pre-training and a probe's config."""
    folder = tmp_path_factory.mktemp('configs')
    for name in ('npid', 'linear'):
        cfg = small_configs.config(
            name, folder / 'unused', digits, epochs=1, train_dataloader__batch_size=6
        )
        cfg.dump(folder / f'{name}.py')
    return folder


@pytest.mark.parametrize(('name', 'kind'), CASES)
def test_no_command_runs_a_checkpoint(
    name: Any,
    kind: Any,
    configs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    mark, work = tmp_path / 'mark', tmp_path / 'work'
    work.mkdir()
    bad = write_malicious(work / 'iter_7.pth', kind, mark)
    dump = write_malicious(tmp_path / 'rank_0.pth', kind, mark)
    if name == 'report':
        scalars = work / '20260101_000000/vis_data/scalars.json'
        scalars.parent.mkdir(parents=True)
        scalars.write_text(json.dumps({'loss': 1.0, 'iter': 1, 'step': 1}) + '\n')
        (scalars.parent / 'config.py').write_text((configs / 'npid.py').read_text())
    places = {'bad': bad, 'dump': dump, 'out': tmp_path / 'out', 'work': work}
    for place, recipe in (('config', 'npid'), ('probe', 'linear')):
        text = (configs / f'{recipe}.py').read_text()
        places[place] = tmp_path / f'{place}.py'
        places[place].write_text(f'{text}\nexperiment_name = {mark.as_posix()!r}\n')
    script, *words = COMMANDS[name].format(**places).split()
    if script in ('train.py', 'test.py', 'knn.py', 'linear.py', 'evaluate.py'):
        words += ['--work-dir', str(work)]
    path = 'cld_mm/cli/main.py' if script == 'cldmm' else f'tools/{script}'
    code, _, said = call_tool(path, *words)
    said += capfd.readouterr().err
    assert not mark.exists()
    assert 'Traceback' not in said
    assert 'weights_only' not in said
    if name == 'report':  # a page without that checkpoint
        assert code == 0, said
        assert 'iter_7.pth' in said
        return
    assert code in (1, 2), said
    errors = [line for line in said.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1, said
    assert 'iter_7' in errors[0] or 'rank_0' in errors[0] or str(work) in errors[0]
