"""RankWatchdogHook: tells the rank watchdog how far this rank is."""

from contextlib import ExitStack
from typing import Any

from mmengine.hooks import Hook

from cld_mm.distributed import rank_watchdog as watchdog
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class RankWatchdogHook(Hook):
    """Mark iterations and phases, so that a hung rank is named.

    The tools watch from the start of the process group; a Runner that was built
    otherwise is watched from here on. Times are those of ``env_cfg.watchdog_cfg``; see
    :class:`RankWatchdog`. Does nothing with one rank.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._watching = ExitStack()
        self._batches = None

    def before_run(self, runner: Any) -> None:
        """Start to watch, unless already done."""
        settings = runner.cfg.get('env_cfg', {}).get('watchdog_cfg')
        self._watching.enter_context(watchdog.watching(settings))
        model = unwrap_model(runner.model)
        if watchdog.current is not None and hasattr(model, 'data_preprocessor'):
            # Every batch of training and evaluation passes through it.
            self._batches = model.data_preprocessor.register_forward_pre_hook(_tick)

    def before_train_epoch(self, runner: Any) -> None:
        """Data come first."""
        self._mark(runner, 'loading data')

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """The batch is here."""
        self._mark(runner, 'in the training step')

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """The next one is due."""
        # The loop counts this iteration only after its hooks.
        self._mark(runner, 'loading data', done=1)

    def before_val(self, runner: Any) -> None:
        """Evaluation during training."""
        self._mark(runner, 'evaluating')

    def after_features(self, runner: Any, batch_idx: int, batches: int) -> None:
        """KNNLoop has finished a batch or a chunk of votes."""
        _tick()

    def after_val(self, runner: Any) -> None:
        """Back to training."""
        self._mark(runner, 'loading data')

    def after_run(self, runner: Any) -> None:
        """Stop what was started here."""
        self._watching.close()
        if self._batches is not None:
            self._batches.remove()

    @staticmethod
    def _mark(runner: Any, phase: str, done: int = 0) -> None:
        if watchdog.current is not None:
            watchdog.current.mark(runner.iter + done, phase)


def _tick(*_: Any) -> None:
    """A function, since EMAHook copies the model with its hooks."""
    if watchdog.current is not None:
        watchdog.current.tick()
