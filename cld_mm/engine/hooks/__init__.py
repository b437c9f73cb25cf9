"""Hooks: what happens around an iteration."""

from .buffered_runtime_info import BufferedRuntimeInfoHook
from .checkpoint import DigestCheckpointHook
from .choose_learning_rate import ChooseLearningRateHook
from .collapse import CollapseHook
from .compile_passes import CompileHook
from .dataset_check import DatasetCheckHook
from .gradient_compression import GradientCompressionHook
from .group_quality import GroupQualityHook
from .momentum_update import MomentumUpdateHook
from .non_finite_loss import NonFiniteLossHook
from .progress_bar import ProgressBarHook
from .rank_agreement import RankAgreementHook
from .rank_watchdog import RankWatchdogHook
from .run_info import RunInfoHook
from .swav import ResumableSwAVHook
from .time_budget import TimeBudgetHook
from .unlabeled_monitor import UnlabeledMonitorHook

__all__ = [
    'BufferedRuntimeInfoHook',
    'ChooseLearningRateHook',
    'CollapseHook',
    'CompileHook',
    'DatasetCheckHook',
    'DigestCheckpointHook',
    'GradientCompressionHook',
    'GroupQualityHook',
    'MomentumUpdateHook',
    'NonFiniteLossHook',
    'ProgressBarHook',
    'RankAgreementHook',
    'RankWatchdogHook',
    'ResumableSwAVHook',
    'RunInfoHook',
    'TimeBudgetHook',
    'UnlabeledMonitorHook',
]
