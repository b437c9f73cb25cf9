"""Activation checkpointing that counts a batch once.

With ``with_cp=True`` a backbone runs its blocks a second time in the backward pass
instead of keeping their activations. BatchNorm would then average each batch's
statistics in twice.
"""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def count_batches_once(module: nn.Module) -> None:
    """Let every BatchNorm inside update its statistics in forward passes only.

    A pass inside a backward pass is a repetition; it uses its batch's statistics,
    as the first did, and leaves the running ones alone.
    """
    for norm in module.modules():
        if isinstance(norm, _BatchNorm) and norm.track_running_stats:
            norm.register_forward_pre_hook(_track_in_forward)


def _track_in_forward(norm: nn.Module, _) -> None:
    in_forward = torch._C._current_graph_task_id() == -1
    norm.track_running_stats = in_forward  # type: ignore[assignment]
