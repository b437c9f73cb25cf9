"""Necks: from backbone features to unit-length projections."""

from .jigsaw import JigsawNeck
from .pooled_features import PooledFeatures, PooledNonLinearNeck
from .projection import (
    MLP,
    LinearProjectionNeck,
    NormLinearNeck,
    NormMLP,
    ProjectionNeck,
)
from .two_branch import Projections, TwoBranchNeck, two_branch
from .two_branch_nonlinear import TwoBranchNonLinearNeck

__all__ = [
    'MLP',
    'JigsawNeck',
    'LinearProjectionNeck',
    'NormLinearNeck',
    'NormMLP',
    'PooledFeatures',
    'PooledNonLinearNeck',
    'ProjectionNeck',
    'Projections',
    'TwoBranchNeck',
    'TwoBranchNonLinearNeck',
    'two_branch',
]
