"""AssignmentQueue: past embeddings of SwAV, kept in the model's state."""

from typing import Any

import torch
from torch import Tensor, nn

NAME = 'kept_queue'


class AssignmentQueue(nn.Module):
    """Embeddings of earlier batches that SwAV's prototypes are assigned among.

    Source: SwAV (arXiv 2006.09882), section 4.1. mmpretrain's SwAVLoss shifts them in
    place; each rank has its own. All zero until they have been filled.

    Args:
        crops: how many crops are assigned to prototypes.
        length: embeddings of each.
        channels: C, their size.

    Attributes:
        rows: ``(crops, length, C)`` buffer, the newest first.
        used: ``()`` bool buffer, whether the loss takes them.
    """

    rows: Tensor
    used: Tensor

    def __init__(self, crops: int, length: int, channels: int) -> None:
        super().__init__()
        self.register_buffer('rows', torch.zeros(crops, length, channels))
        self.register_buffer('used', torch.zeros((), dtype=torch.bool))
        self._before: list[tuple[Tensor, Tensor]] = []

    def note(self, *others: Tensor) -> None:
        """Keep the rows, and other tensors that a step writes to, for :meth:`undo`."""
        self._before = [(x, x.detach().clone()) for x in (self.rows, *others)]

    @torch.no_grad()
    def undo(self) -> None:
        """Put back what was noted last."""
        for tensor, old in self._before:
            tensor.copy_(old)


def add_queue(loss: Any, crops: int, length: int, channels: int) -> AssignmentQueue:
    """Give a SwAVLoss a queue that checkpoints hold; on its prototypes' device."""
    queue = AssignmentQueue(crops, length, channels)
    loss.add_module(NAME, queue.to(next(loss.parameters()).device))
    return queue


def add_saved_queues(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Give a new model the queues of a state that it is about to load."""
    for key, rows in state.items():
        owner, _, last = key.rpartition(f'.{NAME}.')
        if last == 'rows':
            loss: Any = model.get_submodule(owner)
            queue = add_queue(loss, *rows.shape)
            loss.queue = queue.rows if state[f'{owner}.{NAME}.used'] else None
