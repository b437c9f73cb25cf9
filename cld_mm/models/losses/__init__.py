"""Losses: a pure function and a thin module each."""

from .bank_loss import bank_nce_loss, bank_softmax_loss, estimate_normalizer
from .cld_loss import CLDLoss, cld_loss, cross_level_logits
from .info_nce import info_nce
from .sharded_bank_loss import sharded_nce_loss, sharded_softmax_loss
from .softmax_bank import softmax_over_bank

__all__ = [
    'CLDLoss',
    'bank_nce_loss',
    'bank_softmax_loss',
    'cld_loss',
    'cross_level_logits',
    'estimate_normalizer',
    'info_nce',
    'sharded_nce_loss',
    'sharded_softmax_loss',
    'softmax_over_bank',
]
