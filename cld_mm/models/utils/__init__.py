"""What several algorithms need: momentum encoder and exchange between ranks."""

from .gather import gather, gather_with_grad
from .momentum_encoder import MomentumEncoder
from .pretrained_init import StrictPretrainedInit
from .shuffle_bn import gather_shuffled, shuffle

__all__ = [
    'MomentumEncoder',
    'StrictPretrainedInit',
    'gather',
    'gather_shuffled',
    'gather_with_grad',
    'shuffle',
]
