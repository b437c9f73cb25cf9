"""Heads: from features to logged loss parts."""

from .cld_head import CLDHead
from .info_nce_head import InfoNCEHead
from .linear_sweep_head import LinearSweepHead

__all__ = ['CLDHead', 'InfoNCEHead', 'LinearSweepHead']
