"""FullySharded: weights, gradients and optimizer states split over ranks (FSDP).

Source: ZeRO, stage 3 (arXiv 1910.02054), by torch's ``fully_shard``.
"""

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import broadcast, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from cld_mm.distributed.sharded_tensors import take_plain_tensors
from cld_mm.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class FullySharded(nn.Module):
    """A model whose parameters are split over all ranks and gathered part by part.

    Parts are what a ``ModuleList`` holds (a vision transformer's blocks, of the trained
    and of the EMA encoder), and the rest as one. Buffers, so queues and
    BatchNorm's statistics, stay whole on each rank. The EMA encoder is split as
    the trained one is, so its average needs no exchange.

    Weights are initialized and made equal to rank 0's before they are split, so at the
    start each rank holds the whole model once. Checkpoints are those of a plain run.

    Args:
        module: the algorithm.
        reshard_after_forward: give the other ranks' part back after a forward pass and
            gather it again for the backward pass; False needs more memory and a third
            less exchange.

    Raises:
        RuntimeError: torch is older than 2.6.
    """

    def __init__(self, module: nn.Module, reshard_after_forward: bool = True) -> None:
        super().__init__()
        try:
            from torch.distributed.device_mesh import init_device_mesh
            from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
        except ImportError as error:
            raise RuntimeError(
                f'FullySharded needs torch 2.6 or newer and this is {torch.__version__}'
                ': install a newer one, or leave model_wrapper_cfg out.'
            ) from error
        initialize = getattr(module, 'init_weights', None)
        if initialize is not None:
            initialize()
        for value in module.state_dict().values():
            broadcast(value)
        for parameter in module.parameters():
            # channels_last cannot be split by rows.
            parameter.data = parameter.data.contiguous()
        mesh = init_device_mesh(get_device().split(':')[0], (get_world_size(),))
        settings: dict[str, Any] = {
            'mesh': mesh,
            'reshard_after_forward': reshard_after_forward,
        }
        parts = [p for p in module.modules() if isinstance(p, nn.ModuleList)]
        for part in [item for listed in reversed(parts) for item in listed]:
            if any(True for _ in part.parameters()):
                fully_shard(part, **settings)
        fully_shard(module, **settings)
        for method in ('extract_features', 'extract_feat'):
            if hasattr(module, method):
                register_fsdp_forward_method(module, method)
        take_plain_tensors(module)
        self.module: Any = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the module's."""
        return self.module(*args, **kwargs)

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """As the module's, whose forward pass gathers the parts."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: Any) -> list:
        """As the module's."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        """As the module's."""
        return self.module.test_step(data)
