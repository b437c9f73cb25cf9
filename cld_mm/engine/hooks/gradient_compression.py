"""GradientCompressionHook: exchange gradients between ranks with fewer bytes."""

from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook
from torch.nn.parallel import DistributedDataParallel

from cld_mm.registry import HOOKS

METHODS = ('fp16', 'bf16', 'powersgd')


@HOOKS.register_module()
class GradientCompressionHook(Hook):
    """Compress what DistributedDataParallel exchanges; it changes the gradients.

    'fp16' and 'bf16' halve the bytes and round each rank's gradient once. 'powersgd'
    (arXiv 1905.13727) sends low-rank factors and feeds its error back into the next
    step. A resumed run starts with exact gradients and no error, with a warning: it is
    the only kind of run that does not resume bit-exact.

    Args:
        method: 'fp16', 'bf16' or 'powersgd'.
        **settings: of torch's PowerSGDState: ``matrix_approximation_rank`` (1),
            ``start_powerSGD_iter`` (1000), how many steps come before with exact
            gradients, and so on.

    Raises:
        ValueError: the method is unknown or takes no settings; before training: the
            model is not in DistributedDataParallel, or 'bf16' without NCCL.
    """

    def __init__(self, method: str = 'fp16', **settings: Any) -> None:
        if method not in METHODS:
            raise ValueError(f'method must be one of {METHODS}, got {method!r}.')
        if settings and method != 'powersgd':
            raise ValueError(f'{", ".join(settings)}: only powersgd has settings.')
        self.method = method
        self.settings = settings

    def before_train(self, runner: Any) -> None:
        """Attach to the model's exchange of gradients."""
        if get_world_size() == 1:
            runner.logger.info('one rank exchanges no gradients: none is compressed.')
            return
        if not isinstance(runner.model, DistributedDataParallel):
            raise ValueError(
                f'gradients of {type(runner.model).__name__} cannot be compressed, '
                'only those of MMDistributedDataParallel: leave '
                'GradientCompressionHook or model_wrapper_cfg out.'
            )
        if self.method == 'powersgd':
            state = powerSGD_hook.PowerSGDState(None, **self.settings)
            runner.model.register_comm_hook(state, powerSGD_hook.powerSGD_hook)
            if runner.iter > 0:
                runner.logger.warning(
                    'PowerSGD starts again: its error feedback is not in checkpoints, '
                    'and the first steps use exact gradients, so the run continues, '
                    'but not bit-exact.'
                )
            return
        hook = getattr(default_hooks, f'{self.method}_compress_hook')
        try:
            runner.model.register_comm_hook(None, hook)
        except TypeError as error:  # torch's own check of what carries bfloat16
            raise ValueError(
                f"method is {self.method!r}, which needs NCCL on GPUs: set 'fp16', "
                'which gloo on a CPU carries too.'
            ) from error
