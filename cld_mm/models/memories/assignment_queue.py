"""AssignmentQueue: past embeddings of SwAV, stored in the model's state."""

from typing import Any

import torch
from torch import Tensor, nn

from .base import Memory

NAME = 'kept_queue'


class AssignmentQueue(Memory):
    """Embeddings of earlier batches that are assigned to SwAV's prototypes.

    Source: SwAV (arXiv 2006.09882), section 4.1. mmpretrain's SwAVLoss shifts them in
    place; each rank has its own. All zero until filled.

    Args:
        crops: number of crops that are assigned to prototypes.
        length: embeddings of each crop.
        channels: C, their size.
        prototypes: weights that SwAVLoss normalizes in place in each step.

    Attributes:
        rows: ``(crops, length, C)`` buffer, newest first.
        used: ``()`` bool buffer, whether the loss uses them.
    """

    shared = False
    rows: Tensor
    used: Tensor

    def __init__(
        self, crops: int, length: int, channels: int, prototypes: nn.Module
    ) -> None:
        super().__init__()
        self.register_buffer('rows', torch.zeros(crops, length, channels))
        self.register_buffer('used', torch.zeros((), dtype=torch.bool))
        self._prototypes = (prototypes,)  # in a tuple: not a child of this module

    def written(self) -> list[Tensor]:
        """The queue and the prototypes."""
        return [*self.buffers(), *self._prototypes[0].parameters()]


def add_queue(loss: Any, crops: int, length: int, channels: int) -> AssignmentQueue:
    """Give a SwAVLoss a queue that checkpoints store; on its prototypes' device."""
    queue = AssignmentQueue(crops, length, channels, loss.prototypes)
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
