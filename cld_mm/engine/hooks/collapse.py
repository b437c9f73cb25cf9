"""CollapseHook: warn when all images get nearly the same feature."""

from mmengine.hooks import Hook
from mmengine.logging import print_log

from cld_mm.registry import HOOKS


@HOOKS.register_module()
class CollapseHook(Hook):
    """Watch the logged ``feature_std`` and warn, once, where it stays near zero.

    Unit features that spread evenly over C dimensions deviate by about ``C ** -0.5`` in
    each (0.09 for 128), collapsed ones by 0. A fresh network may start collapsed, so
    the first iterations are left alone.

    Args:
        threshold: smallest deviation that is no collapse.
        begin: first iteration that counts.
        interval: iterations between two looks; each waits for the device.
    """

    def __init__(
        self, threshold: float = 0.01, begin: int = 1000, interval: int = 100
    ) -> None:
        self.threshold = threshold
        self.begin = begin
        self.interval = interval
        self.warned = False

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Look at the step's deviation."""
        due = runner.iter >= self.begin and self.every_n_train_iters(
            runner, self.interval
        )
        if self.warned or not due or 'feature_std' not in (outputs or {}):
            return
        found = float(outputs['feature_std'])
        if found < self.threshold:
            self.warned = True
            print_log(
                f'feature_std is {found:.4f} at iteration {runner.iter + 1}, below '
                f'{self.threshold}: all images get nearly the same feature (a '
                'collapse); lower the learning rate, or raise the temperature or the '
                'weight of CLD.',
                'current',
                level=30,
            )
