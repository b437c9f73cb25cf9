"""Registers the parts that are written in plain torch, so that configs can name them.

Groupings and CLDLoss do not import mmengine, so that :class:`cld_mm.CLDCriterion`
works without it.
"""

from cld_mm.registry import MODELS

from .grouping import KMeansGrouping, NormalizedCutsGrouping
from .losses import CLDLoss

for part in (KMeansGrouping, NormalizedCutsGrouping, CLDLoss):
    MODELS.register_module(module=part)
