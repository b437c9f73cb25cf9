"""An evaluation during training that a signal may break off."""

from collections.abc import Callable
from typing import Any

from mmengine.hooks import EMAHook

from cld_mm.engine.random_states import random_states


class Evaluation:
    """Notes where an evaluation began and says when the ranks look for a signal.

    A run that is stopped in it goes on from its begin, and evaluates anew.

    Attributes:
        running: whether one is going on that can be broken off.
        random: this rank's random states at its begin; None where none is running.
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

    def looks(self, place: int, batches: int, largest: Callable[..., list[int]]) -> int:
        """How often to look after a batch, so that all ranks look equally often.

        Where the data cannot be dealt out evenly, a rank with a batch less than
        another looks again after its last one.

        Args:
            place: of the batch that is done, from 0.
            batches: how many this rank has.
            largest: gives the largest over all ranks; they meet there.
        """
        if not self.running:
            return 0
        if place == 0:
            (self._most,) = largest(batches)
        return 1 if place + 1 < batches else 1 + self._most - batches

    @staticmethod
    def undo(runner: Any) -> None:
        """Take back what hooks do to the model for an evaluation."""
        for hook in runner.hooks:
            # mmpretrain's may evaluate the trained weights instead.
            if isinstance(hook, EMAHook) and getattr(hook, 'evaluate_on_ema', True):
                hook._swap_ema_parameters()
