"""What several algorithms need: momentum encoder and exchange between ranks."""

from .momentum_encoder import MomentumEncoder
from .pretrained_init import StrictPretrainedInit
from .shuffle_bn import gather_shuffled, shuffle

__all__ = [
    'MomentumEncoder',
    'StrictPretrainedInit',
    'gather_shuffled',
    'shuffle',
]
