"""Losses: a pure function and a thin module each."""

from .cld_loss import CLDLoss, cld_loss, cross_level_logits
from .info_nce import info_nce

__all__ = ['CLDLoss', 'cld_loss', 'cross_level_logits', 'info_nce']
