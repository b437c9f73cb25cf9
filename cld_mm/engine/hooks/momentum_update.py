"""MomentumUpdateHook: momentum encoders are updated with the optimizer's steps.

mmengine's EMA is updated in ``loss()``, so with gradient accumulation it moves with
every micro-batch (mmpretrain's MoCo). Here it moves once per optimizer step.
"""

import math
from typing import Any

from mmengine.hooks import Hook

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class MomentumUpdateHook(Hook):
    """Let every momentum encoder in the model follow the optimizer.

    Does nothing for a model without one.
    """

    def before_train(self, runner: Any) -> None:
        """Attach, once optimizer and model exist."""
        model = unwrap_model(runner.model)
        if hasattr(model, 'follow_optimizer'):
            model.follow_optimizer(runner.optim_wrapper.optimizer)
            # One update per optimizer step, however many batches that takes.
            batches = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
            for encoder in model.momentum_encoders():
                encoder.total_steps = math.ceil(runner.max_iters / batches)
