"""Necks: from backbone features to unit-length projections."""

from .jigsaw import JigsawNeck
from .projection import MLP, LinearNeck, NormLinearNeck, NormMLP, pooled
from .two_branch import Projections, TwoBranchNeck

__all__ = [
    'MLP',
    'JigsawNeck',
    'LinearNeck',
    'NormLinearNeck',
    'NormMLP',
    'Projections',
    'TwoBranchNeck',
    'pooled',
]
