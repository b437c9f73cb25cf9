"""Heads: from features to logged loss parts."""

from .cld_head import CLDHead
from .info_nce_head import InfoNCEHead

__all__ = ['CLDHead', 'InfoNCEHead']
