"""Lets mmengine's checkpoints load with torch's safe loading switched on.

Since torch 2.6 ``torch.load`` refuses every class it does not know, and a
checkpoint of mmengine's holds its HistoryBuffer (numpy arrays of logged
values), so resuming fails. The classes below are data and nothing else; they
are added to torch's list of safe ones, and safe loading stays on. A pickled
HistoryBuffer asks for ``getattr(HistoryBuffer, 'mean')``; instead of the
builtin, which reaches anything, it gets one that serves those methods alone.

Does nothing where torch is older and has no such list.
"""

from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer


def history_buffer_method(owner: type, name: str) -> Any:
    """What a checkpoint gets for ``getattr``: HistoryBuffer's statistics only.

    Raises:
        ValueError: anything else is asked for.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'current', 'mean'):
        return getattr(HistoryBuffer, name)
    raise ValueError(
        f'a checkpoint asked for the attribute {name!r} of {owner!r}, '
        "which none of mmengine's own needs: do not trust this file."
    )


def safe_classes() -> list:
    """What a checkpoint of mmengine's holds beside tensors and numbers."""
    core = np._core.multiarray if hasattr(np, '_core') else np.core.multiarray  # type: ignore[attr-defined]
    values = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    return [
        HistoryBuffer,
        core._reconstruct,
        core.scalar,
        np.ndarray,
        np.dtype,
        (history_buffer_method, 'builtins.getattr'),
        *{type(np.dtype(value)) for value in values},
    ]


def allow_mmengine_checkpoints() -> None:
    """Add mmengine's and numpy's plain data classes to torch's safe list."""
    if hasattr(torch.serialization, 'add_safe_globals'):
        torch.serialization.add_safe_globals(safe_classes())
