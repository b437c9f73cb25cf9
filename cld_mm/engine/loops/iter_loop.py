"""An iteration-based training loop that resumes bit-exact."""

from collections.abc import Iterator

from mmengine.runner import IterBasedTrainLoop
from torch.nn import Module

from cld_mm.registry import LOOPS

from .epoch_loop import shorten_histories
from .skip_batches import is_endless, skip_batches


@LOOPS.register_module()
class ResumableIterLoop(IterBasedTrainLoop):
    """mmengine's IterBasedTrainLoop that resumes at its batch.

    Resumed, it skips the batches that were seen, without loading them. Resumed from a
    checkpoint that was saved before a due validation, it validates first.

    Attributes:
        validated: whether the validation due at this iteration is done.
    """

    validated = True

    def run(self) -> Module:
        """Train."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if not self.validated:
            self._validate()
        batches = self._batches()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            if self._iter % 1000 == 0:
                shorten_histories(self.runner.message_hub, len(self.dataloader))
            self._validate()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _batches(self) -> Iterator[dict]:
        """Batches from this iteration on, pass after pass through the data."""
        passes, seen = divmod(self._iter, len(self.dataloader))
        if is_endless(self.dataloader):
            passes, seen = 0, self._iter
        while True:
            if hasattr(self.dataloader.sampler, 'set_epoch'):
                self.dataloader.sampler.set_epoch(passes)
            with skip_batches(self.dataloader, seen) as batches:
                yield from batches
            passes, seen = passes + 1, 0

    def _validate(self) -> None:
        self._decide_current_val_interval()
        due = self._iter >= self.val_begin and (
            self._iter % self.val_interval == 0 or self._iter == self._max_iters
        )
        if self.runner.val_loop is not None and due:
            self.runner.val_loop.run()
        self.validated = True
