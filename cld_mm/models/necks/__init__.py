"""Necks: from backbone features to unit-length projections."""

from .jigsaw import JigsawNeck
from .pooled_features import PooledFeatures, PooledNonLinearNeck
from .projection import MLP, LinearNeck, NormLinearNeck, NormMLP
from .two_branch import Projections, TwoBranchNeck
from .two_branch_nonlinear import TwoBranchNonLinearNeck

__all__ = [
    'MLP',
    'JigsawNeck',
    'LinearNeck',
    'NormLinearNeck',
    'NormMLP',
    'PooledFeatures',
    'PooledNonLinearNeck',
    'Projections',
    'TwoBranchNeck',
    'TwoBranchNonLinearNeck',
]
