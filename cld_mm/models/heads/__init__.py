"""Heads: from features to logged loss parts."""

import cld_mm.registry  # noqa: F401 applies version shims before mmpretrain

from .cld_head import CLDHead
from .info_nce_head import InfoNCEHead
from .linear_sweep_head import LinearSweepHead

__all__ = ['CLDHead', 'InfoNCEHead', 'LinearSweepHead']
