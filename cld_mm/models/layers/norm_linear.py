"""NormLinear: a linear layer whose outputs are cosines.

Source: CLD paper (arXiv 2008.03813), section 3.3, 'normalized projection
head'. Both the input and each output unit's weight vector are scaled to unit
length, so every output is in [-1, 1].
"""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F


class NormLinear(BaseModule):
    """Cosines between the input and learnt directions; no bias, no scale.

    The weight has torch.nn.Linear's layout, ``(out_features, in_features)``;
    the authors' checkpoints store its transpose.

    Args:
        in_features: size of the input's last axis.
        out_features: number of directions.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw each direction uniformly from a cube, then give it unit length."""
        with torch.no_grad():
            self.weight.uniform_(-1, 1)
            self.weight.copy_(F.normalize(self.weight, dim=1))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., in_features)`` to cosines ``(..., out_features)``."""
        return F.linear(F.normalize(x, dim=-1), F.normalize(self.weight, dim=1))

    def extra_repr(self) -> str:
        return f'in_features={self.in_features}, out_features={self.out_features}'
