"""UnlabeledMonitorHook: logged each epoch, kept over a resume, changes no training."""

import json
from pathlib import Path
from typing import Any

import pytest

from cld_mm.engine.hooks import UnlabeledMonitorHook
from cld_mm.evaluation import view_pairs
from tests.helpers.run_tools import call_tool
from tests.helpers.tiny_runs import make_runner
from tests.helpers.unlabeled import CONFIG, write_images

HOOK = "[dict(type='UnlabeledMonitorHook', num_images=12)]"
SIGNALS = {'view_agreement', 'effective_rank', 'alignment', 'uniformity'}


def train(folder: Path, hooks: str = HOOK, *words: str) -> list[dict]:
    """Train on unlabeled images; all that was logged."""
    if not (folder / 'images').exists():
        write_images(folder / 'images', 12)
    config = CONFIG.format(root=str(folder / 'images'))
    config = config.replace('custom_hooks = []', f'custom_hooks = {hooks}')
    (folder / 'config.py').write_text(config)
    done = call_tool(
        'tools/train.py', folder / 'config.py', '--work-dir', folder / 'run', *words
    )
    assert done.code == 0, done.stderr
    logs = sorted((folder / 'run').glob('*/vis_data/scalars.json'))
    return [json.loads(line) for log in logs for line in log.read_text().splitlines()]


def monitored(records: list[dict]) -> list[dict]:
    return [
        {key.removeprefix('monitor/'): value for key, value in record.items()}
        for record in records
        if any(key.startswith('monitor/') for key in record)
    ]


@pytest.fixture(scope='module')
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    folder = tmp_path_factory.mktemp('monitored')
    return folder, train(folder)


def test_signals_are_logged_before_training_and_after_each_epoch(
    run: tuple[Path, list[dict]],
) -> None:
    before, first, second = monitored(run[1])
    assert set(before) == {*SIGNALS, 'step'}
    later = {*SIGNALS, 'epoch_agreement', 'neighbor_overlap', 'loss_over_log_k', 'step'}
    assert set(first) == set(second) == later
    assert [record['step'] for record in (before, first, second)] == [0, 1, 2]


def test_signals_are_in_their_ranges(run: tuple[Path, list[dict]]) -> None:
    for record in monitored(run[1])[1:]:
        assert 1 <= record['effective_rank'] <= 12
        assert 0 <= record['neighbor_overlap'] <= 1
        assert record['epoch_agreement'] <= 1
        assert 0 <= record['alignment'] <= 4
        assert record['uniformity'] <= 0
        assert 0.3 < record['loss_over_log_k'] < 3


def test_training_is_bitwise_the_same_without_the_hook(
    run: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    (tmp_path / 'images').symlink_to(run[0] / 'images')
    plain = train(tmp_path, '[]')
    losses = [record['loss'] for record in plain if 'loss' in record]
    assert losses
    assert losses == [record['loss'] for record in run[1] if 'loss' in record]


def test_a_resumed_run_compares_with_the_epoch_before(tmp_path: Path) -> None:
    train(tmp_path, HOOK, '--cfg-options', 'train_cfg.max_epochs=1')
    records = train(tmp_path, HOOK, '--resume')
    assert len(monitored(records)) == 3
    assert 'neighbor_overlap' in monitored(records)[-1]


def test_only_the_sample_is_encoded_also_without_a_progress_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, encode = [], view_pairs.features_of

    def noting(model: Any, view: Any) -> Any:
        encoded.append(len(view))
        return encode(model, view)

    monkeypatch.setattr(view_pairs, 'features_of', noting)
    hook = HOOK.replace('num_images=12', 'num_images=4, by_epoch=False, interval=2')
    records = train(tmp_path, hook)
    assert [record['step'] for record in monitored(records)] == [0, 2, 4, 6]
    assert encoded == 4 * [4, 4]  # two views each time


def test_a_run_by_iterations_logs_iterations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    hook = UnlabeledMonitorHook()
    monkeypatch.setattr(hook, 'measure', lambda runner, step: steps.append(step))
    runner = make_runner(
        tmp_path,
        1,
        train_cfg={'_delete_': True, 'type': 'ResumableIterLoop', 'max_iters': 4},
        param_scheduler=[],
    )
    runner.register_hook(hook)
    runner.train()
    assert steps == [0, 4]


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        ({'interval': 0}, 'got 0 and 512'),
        ({'num_images': 3}, 'got 1 and 3'),
    ],
)
def test_impossible_settings_are_refused(settings: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        UnlabeledMonitorHook(**settings)


def test_by_iterations_a_step_is_an_iteration(
    run: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    (tmp_path / 'images').symlink_to(run[0] / 'images')
    hook = HOOK.replace('num_images', 'by_epoch=False, interval=2, num_images')
    steps = [record['step'] for record in monitored(train(tmp_path, hook))]
    assert steps == [0, 2, 4, 6]
