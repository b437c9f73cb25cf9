"""SupportSet: past features, the positives of new ones."""

import torch
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.memories import Memory


class SupportSet(Memory):
    """A ring of the last ``length`` features of size ``channels``."""

    def __init__(self, length: int, channels: int) -> None:
        super().__init__()
        rows = F.normalize(torch.randn(length, channels), dim=1)
        self.register_buffer('features', rows)  # L×C
        self.register_buffer('pointer', torch.zeros(1, dtype=torch.long))

    def nearest(self, queries: Tensor) -> Tensor:
        """The most similar row for each of the queries, ``(N, C)``."""
        return self.features[(queries @ self.features.t()).argmax(dim=1)]

    @torch.no_grad()
    def write(self, rows: Tensor) -> None:
        """Overwrite the oldest rows."""
        steps = torch.arange(len(rows), device=rows.device)
        places = (self.pointer + steps) % len(self.features)
        self.features.index_copy_(0, places, rows)
        self.pointer.add_(len(rows)).remainder_(len(self.features))
