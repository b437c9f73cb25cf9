"""Experiment trackers in which a resumed run continues one run.

mmengine starts a new run at each start of a program. These backends keep the run's
identifier in the work dir, and continue with it when the config says ``resume``:

    backend = dict(type='ResumableWandbVisBackend', init_kwargs=dict(mode='offline'))
    visualizer = dict(type='Visualizer', vis_backends=[backend])
"""

import uuid
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.visualization import (
    MLflowVisBackend,
    TensorboardVisBackend,
    WandbVisBackend,
)

from cld_mm.fileio.atomic_write import write_text
from cld_mm.registry import VISBACKENDS


def identifier_file(save_dir: str, tracker: str) -> Path:
    """Where a run's identifier is, from a backend's ``WORK_DIR/<time>/vis_data``."""
    return Path(save_dir).absolute().parents[1] / f'{tracker}_run'


def read_identifier(path: Path, resume: Any) -> str | None:
    """The identifier to continue with; None for a new run."""
    return path.read_text() if resume and path.is_file() else None


@VISBACKENDS.register_module()
class ResumableTensorboardVisBackend(TensorboardVisBackend):
    """All starts of a run write to one folder, ``WORK_DIR/tensorboard/<run>``.

    After a resume TensorBoard hides what the starts before logged from there on.
    """

    resume = False

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Keep whether this start resumes; the runner calls it first."""
        self.resume = bool(config.get('resume'))

    def _init_env(self) -> None:
        """Nothing: the first step must be known."""

    def _open(self, step: int) -> None:
        if hasattr(self, '_tensorboard'):
            return
        from torch.utils.tensorboard import SummaryWriter

        path = identifier_file(self._save_dir, 'tensorboard')
        name = read_identifier(path, self.resume)
        if name is None:
            name = Path(self._save_dir).absolute().parent.name
            write_text(path, name)
        folder = path.with_name('tensorboard') / name
        self._tensorboard = SummaryWriter(str(folder), purge_step=step)

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Log a value."""
        self._open(step)
        super().add_scalar(name, value, step, **kwargs)

    def add_scalars(
        self,
        scalar_dict: dict,
        step: int = 0,
        file_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Log several values."""
        self._open(int(scalar_dict.get('step', step)))
        super().add_scalars(scalar_dict, step, file_path, **kwargs)

    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Log an image."""
        self._open(step)
        super().add_image(name, image, step, **kwargs)


@VISBACKENDS.register_module()
class ResumableWandbVisBackend(WandbVisBackend):
    """Weights & Biases: a resumed run keeps its run id.

    Args:
        save_dir, init_kwargs, ...: as in mmengine's WandbVisBackend.
    """

    _init_kwargs: dict[str, Any]

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Choose the run and log the config; the runner calls it first."""
        self._init_kwargs: dict[str, Any] = dict(self._init_kwargs or {})  # type: ignore[has-type]
        path = identifier_file(self._save_dir, 'wandb')
        run = read_identifier(path, config.get('resume')) or uuid.uuid4().hex[:8]
        run = self._init_kwargs.setdefault('id', run)
        self._init_kwargs.setdefault('resume', 'allow')
        self._init_kwargs.setdefault('allow_val_change', True)
        write_text(path, run)
        super().add_config(config, **kwargs)


@VISBACKENDS.register_module()
class ResumableMLflowVisBackend(MLflowVisBackend):
    """MLflow: a resumed run keeps its run id.

    Without ``tracking_uri`` the runs are in ``WORK_DIR/mlflow.db``, their files in
    ``WORK_DIR/mlruns``.

    Args:
        save_dir, exp_name, ...: as in mmengine's MLflowVisBackend.
    """

    _tracking_uri: str | None

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Choose the run and log the config; the runner calls it first."""
        import mlflow

        path = identifier_file(self._save_dir, 'mlflow')
        is_local = self._tracking_uri is None  # type: ignore[has-type]
        if is_local:
            self._tracking_uri = f'sqlite:///{path.with_name("mlflow.db")}'
        mlflow.set_tracking_uri(self._tracking_uri)
        name = self._exp_name or ('training' if is_local else 'Default')
        if is_local and mlflow.get_experiment_by_name(name) is None:
            files = path.with_name('mlruns').as_uri()
            mlflow.create_experiment(name, files)  # not in the current folder
        mlflow.set_experiment(name)
        continued = read_identifier(path, config.get('resume'))
        run = mlflow.start_run(run_id=continued, run_name=self._run_name)
        write_text(path, run.info.run_id)
        self._init_env()
        self._env_initialized = True
        if continued is None:  # parameters of a run cannot be changed
            super().add_config(config, **kwargs)
        self.cfg = config
