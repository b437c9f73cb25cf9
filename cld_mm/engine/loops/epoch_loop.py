"""An epoch-based training loop that resumes inside an epoch."""

from mmengine.logging import MessageHub
from mmengine.runner import EpochBasedTrainLoop
from torch.nn import Module

from cld_mm.registry import LOOPS

from .skip_batches import skip_batches

KEPT = 10_000  # logged values of a name; mmengine keeps, and saves, a million


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's EpochBasedTrainLoop that resumes inside an epoch.

    Resumed from a checkpoint inside an epoch, it skips the batches that were seen,
    without loading them. Resumed from one that was saved between an epoch and its
    validation, it validates first.

    Attributes:
        validated: whether the validation that follows the last whole epoch is done.
    """

    validated = True

    def run(self) -> Module:
        """Train."""
        self.runner.call_hook('before_train')
        if not self.validated:
            self._validate()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """The rest of the epoch; all of it unless resumed inside it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        seen = self._iter - self._epoch * len(self.dataloader)
        if not 0 <= seen <= len(self.dataloader):
            self.runner.logger.warning(
                f'iteration {self._iter} is not in epoch {self._epoch + 1} of '
                f'{len(self.dataloader)} batches: the epoch starts from its beginning.'
            )
            seen = 0
        with skip_batches(self.dataloader, seen) as batches:
            for place, batch in enumerate(batches, start=seen):
                self.run_iter(place, batch)
                if self._iter % 1000 == 0:
                    shorten_histories(self.runner.message_hub, len(self.dataloader))
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _validate(self) -> None:
        self._decide_current_val_interval()
        due = (
            self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        ) and self._epoch >= self.val_begin
        if self.runner.val_loop is not None and due:
            self.runner.val_loop.run()
        self.validated = True


def shorten_histories(hub: MessageHub, epoch: int) -> None:
    """Keep the last KEPT logged values of each name, at least two epochs of them.

    mmengine copies an array of up to a million for each value, and saves it in each
    checkpoint, so memory, time and files would grow for weeks.
    """
    kept = max(KEPT, 2 * epoch)
    for history in hub.log_scalars.values():
        history._log_history = history._log_history[-kept:]
        history._count_history = history._count_history[-kept:]
