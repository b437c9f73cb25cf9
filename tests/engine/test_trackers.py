"""A resumed run continues its run in each tracker."""

from pathlib import Path
from typing import Any

import pytest

from cld_mm.engine.trackers import identifier_file, read_identifier
from tests.helpers.tiny_runs import train


def tracked(kind: str, **settings: Any) -> dict[str, Any]:
    return {
        'visualizer': {
            'type': 'Visualizer',
            'vis_backends': [{'type': f'Resumable{kind}VisBackend', **settings}],
        },
        'default_hooks__logger': {'type': 'LoggerHook', 'interval': 1},
        'default_hooks__checkpoint__every_iters': 1,
    }


def read_events(folder: Path) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {event.step: event.value for event in events.Scalars('loss')}


def test_tensorboard_shows_one_run(tmp_path: Path) -> None:
    train(tmp_path / 'parts', 2, **tracked('Tensorboard'))
    (tmp_path / 'parts/epoch_2.pth').unlink()
    for iteration in (5, 6):  # what the killed run has logged but not saved
        (tmp_path / f'parts/iter_{iteration}.pth').unlink(missing_ok=True)
    train(tmp_path / 'parts', 3, resume=True, **tracked('Tensorboard'))
    train(tmp_path / 'whole', 3, **tracked('Tensorboard'))
    (folder,) = (tmp_path / 'parts/tensorboard').iterdir()
    (whole,) = (tmp_path / 'whole/tensorboard').iterdir()
    assert read_events(folder) == read_events(whole)


def test_a_new_run_in_the_same_folder_is_another_one(tmp_path: Path) -> None:
    path = identifier_file(str(tmp_path / 'time/vis_data'), 'wandb')
    assert read_identifier(path, resume=True) is None
    path.write_text('abc')
    assert read_identifier(path, resume=True) == 'abc'
    assert read_identifier(path, resume=False) is None


def test_wandb_keeps_its_run(tmp_path: Path) -> None:
    pytest.importorskip('wandb')
    settings = tracked('Wandb', init_kwargs={'mode': 'offline', 'project': 'test'})
    train(tmp_path, 1, **settings)
    first = (tmp_path / 'wandb_run').read_text()
    train(tmp_path, 2, resume=True, **settings)
    runs = sorted(path.name for path in tmp_path.rglob('offline-run-*'))
    assert len(runs) == 2
    assert all(name.endswith(f'-{first}') for name in runs)


def test_mlflow_keeps_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip('mlflow')
    pytest.importorskip('sqlalchemy')
    monkeypatch.chdir(tmp_path)
    settings = tracked('MLflow')
    folder = tmp_path / 'run'
    train(folder, 1, **settings)
    mlflow.end_run()
    train(folder, 2, resume=True, **settings)
    mlflow.end_run()
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name('training')
    (run,) = client.search_runs([experiment.experiment_id])
    steps = [m.step for m in client.get_metric_history(run.info.run_id, 'loss')]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert [path.name for path in tmp_path.iterdir()] == ['run']  # nothing beside it
