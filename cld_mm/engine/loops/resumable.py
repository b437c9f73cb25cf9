"""Training loops by epochs and by iterations that resume at their batch."""

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from itertools import islice
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.logging import MessageHub
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch.nn import Module
from torch.utils.data import BatchSampler, DataLoader

from cld_mm.registry import LOOPS

KEPT = 10_000  # logged values of a name; mmengine keeps, and saves, a million


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's EpochBasedTrainLoop that resumes inside an epoch.

    Batches that were seen are skipped without loading them. Resumed from a checkpoint
    between an epoch and its validation, it validates first.

    Attributes:
        validated: whether the validation that follows the last whole epoch is done.
    """

    validated = True

    def run(self) -> Module:
        """Train."""
        self.runner.call_hook('before_train')
        if not self.validated:
            validate_if_due(self, self._epoch, self._max_epochs)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            validate_if_due(self, self._epoch, self._max_epochs)
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
            for index, batch in enumerate(batches, start=seen):
                self.run_iter(index, batch)
                if self._iter % 1000 == 0:
                    shorten_histories(self.runner.message_hub, len(self.dataloader))
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@LOOPS.register_module()
class ResumableIterLoop(IterBasedTrainLoop):
    """mmengine's IterBasedTrainLoop that resumes at its batch, without loading others.

    Attributes:
        validated: whether the validation due at this iteration is done.
    """

    validated = True

    def run(self) -> Module:
        """Train."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if not self.validated:
            validate_if_due(self, self._iter, self._max_iters)
        batches = self._batches()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            if self._iter % 1000 == 0:
                shorten_histories(self.runner.message_hub, len(self.dataloader))
            validate_if_due(self, self._iter, self._max_iters)
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


def validate_if_due(loop: Any, done: int, total: int) -> None:
    """Validate after so many epochs or iterations if the loop's settings say so."""
    loop._decide_current_val_interval()
    due = done >= loop.val_begin and (done % loop.val_interval == 0 or done == total)
    if loop.runner.val_loop is not None and due:
        loop.runner.val_loop.run()
    loop.validated = True


def shorten_histories(hub: MessageHub, epoch: int) -> None:
    """Keep the last KEPT logged values of each name, at least two epochs of them.

    mmengine copies an array of up to a million for each value, and saves it in each
    checkpoint, so memory, time and files would grow for weeks.
    """
    kept = max(KEPT, 2 * epoch)
    for history in hub.log_scalars.values():
        history._log_history = history._log_history[-kept:]
        history._count_history = history._count_history[-kept:]


def is_endless(loader: DataLoader) -> bool:
    """Whether one pass through the loader never ends."""
    return isinstance(loader.sampler, InfiniteSampler)


class _Rest:
    """A sampler without its first indices; its length stays the same, for hooks."""

    def __init__(self, sampler: Any, seen: int) -> None:
        self.sampler, self.seen = sampler, seen

    def __iter__(self) -> Iterator:
        return islice(iter(self.sampler), self.seen, None)

    def __len__(self) -> int:
        return len(self.sampler)


@contextmanager
def skip_batches(loader: DataLoader, seen: int) -> Iterator[Iterable]:
    """The batches of an epoch after the first ``seen``, which are not loaded.

    With a batch sampler other than torch's they are loaded and dropped.
    """
    sampler = loader.batch_sampler
    if not seen:
        yield loader
    elif seen == len(loader) and not is_endless(loader):
        yield ()
    elif type(sampler) is BatchSampler and isinstance(sampler.sampler, Sized):
        whole = sampler.sampler
        sampler.sampler = _Rest(whole, seen * sampler.batch_size)
        try:
            yield loader
        finally:
            sampler.sampler = whole
    else:
        yield islice(iter(loader), seen, None)
