"""CompileHook: backbones and necks through torch.compile."""

from typing import Any

from mmengine.hooks import Hook

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class CompileHook(Hook):
    """Compile the model's backbones and necks in place before training.

    Names in checkpoints do not change. Fused operations round differently in the last
    digits, so it is opt-in (``tools/train.py --compile``).

    Args:
        **settings: of torch.compile, such as ``mode='max-autotune'``.

    Raises:
        ValueError: before training, where the model is no algorithm of this project.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def before_train(self, runner: Any) -> None:
        """Compile; the first step then takes as long as the compiler does."""
        model = unwrap_model(runner.model)
        if not hasattr(model, 'compile_passes'):
            raise ValueError(
                f'{type(model).__name__} cannot be compiled part by part, only this '
                "project's algorithms can: leave CompileHook (--compile) out."
            )
        model.compile_passes(**self.settings)
