"""An evaluation during training that a signal may interrupt."""

from collections.abc import Callable
from typing import Any

from mmengine.hooks import EMAHook

from cld_mm.engine.random_states import random_states


class Evaluation:
    """Keeps the state from before an evaluation, and says when ranks check for signals.

    A run that is stopped during an evaluation resumes before it, and evaluates again.

    Attributes:
        running: whether an evaluation is running that can be interrupted.
        random: this rank's random states when it began; None if none is running.
    """

    def __init__(self) -> None:
        self.random: dict[str, Any] | None = None
        self._most = 0

    @property
    def running(self) -> bool:
        return self.random is not None

    def begin(self) -> None:
        """The evaluation begins."""
        self.random = random_states()

    def end(self) -> None:
        """It is over."""
        self.random = None

    def checks(
        self, index: int, batches: int, largest: Callable[..., list[int]]
    ) -> int:
        """How often to check after a batch, so that all ranks check equally often.

        A rank that has a batch less than another checks once more after its last one.

        Args:
            index: of the batch that is done.
            batches: how many this rank has.
            largest: gives the largest value over all ranks; a collective.
        """
        if not self.running:
            return 0
        if index == 0:
            (self._most,) = largest(batches)
        return 1 if index + 1 < batches else 1 + self._most - batches

    @staticmethod
    def undo(runner: Any) -> None:
        """Undo what hooks did to the model for the evaluation."""
        for hook in runner.hooks:
            # mmpretrain's EMAHook may evaluate the trained weights instead.
            if isinstance(hook, EMAHook) and getattr(hook, 'evaluate_on_ema', True):
                hook._swap_ema_parameters()
