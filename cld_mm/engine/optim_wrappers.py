"""AmpOptimWrapper that can also be built on a machine without an accelerator.

mmengine's refuses to. Recipes with mixed precision must still run on a CPU: in
full precision unless bfloat16 is asked for by name.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from cld_mm.registry import OPTIM_WRAPPERS


def has_bfloat16(if_unknown: bool = True) -> bool:
    """Whether this CPU multiplies bfloat16 itself.

    Args:
        if_unknown: the answer where torch cannot tell.
    """
    ask = getattr(torch.cpu, '_is_avx512_bf16_supported', None)
    x86 = platform.machine() in ('x86_64', 'AMD64')
    return bool(ask()) if ask is not None and x86 else if_unknown


class CPUAmpOptimWrapper(OptimWrapper):
    """bfloat16 autocast on a CPU, without gradient scaling; else full precision.

    Args:
        dtype: 'bfloat16' turns autocast on; with 'float32', None or 'float16', which
            a CPU gains nothing from, everything stays float32.
        loss_scale: accepted and not used: bfloat16 has float32's range.
        **kwargs: as in mmengine's OptimWrapper.
    """

    def __init__(
        self,
        dtype: str | torch.dtype | None = None,
        loss_scale: Any = 'dynamic',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.enabled = dtype in ('bfloat16', torch.bfloat16)
        if self.enabled and not has_bfloat16():
            print_log(
                'this CPU has no bfloat16 arithmetic and imitates it, about three '
                'times as slowly as full precision: leave --amp out here.',
                'current',
                level=30,
            )
        if not self.enabled and dtype not in ('float32', torch.float32):
            print_log(
                'no accelerator: training in full precision instead of '
                f'{dtype or "float16"} (--amp asks for bfloat16 on a CPU)',
                'current',
            )

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast around the forward pass."""
        with (
            super().optim_context(model),
            torch.autocast('cpu', dtype=torch.bfloat16, enabled=self.enabled),
        ):
            yield

    def load_state_dict(self, state_dict: dict) -> None:
        """Load; a gradient scaler's state, from a GPU run, is left out and named."""
        state_dict = dict(state_dict)
        if state_dict.pop('loss_scaler', None) is not None:
            print_log(
                'the checkpoint holds the state of a gradient scaler, which a CPU '
                'has no use for: it is left out',
                'current',
            )
        super().load_state_dict(state_dict)


@OPTIM_WRAPPERS.register_module(name='PortableAmpOptimWrapper')
def build_amp_optim_wrapper(**kwargs: Any) -> OptimWrapper:
    """mmengine's AmpOptimWrapper on an accelerator, CPUAmpOptimWrapper on a CPU.

    Args:
        **kwargs: ``dtype`` ('float16' or 'bfloat16'), ``loss_scale``, and what
            mmengine's OptimWrapper takes.
    """
    if get_device() == 'cpu':
        return CPUAmpOptimWrapper(**kwargs)
    # bfloat16 needs no scaling: its range is float32's.
    if kwargs.get('dtype') in ('bfloat16', torch.bfloat16):
        kwargs['loss_scale'] = {'enabled': False}
    return AmpOptimWrapper(**kwargs)
