"""CollapseHook: warn when all images get nearly the same feature."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log

from cld_mm.registry import HOOKS

SETTLED = 1000  # iterations


@HOOKS.register_module()
class CollapseHook(Hook):
    """Watch the logged ``feature_std`` and warn, once, where it stays near zero.

    Unit features that spread evenly over C dimensions deviate by about ``C ** -0.5`` in
    each (0.09 for 128), collapsed ones by 0. A fresh network may look collapsed: MoCo's
    on Fashion-MNIST goes down to 0.001 and is back above 0.01 after 200 iterations. So
    the first 1000 are left alone. A run of no more than these is looked at in its
    second half, and warned about at its end if the deviation was small all along.

    Args:
        threshold: smallest deviation that is no collapse.
        begin: first iteration that counts, whatever the run's length.
        interval: iterations between two looks, each of which waits for the device; by
            default 100, and in a run of fewer than 2000 a twentieth of it.
    """

    def __init__(
        self,
        threshold: float = 0.01,
        begin: int | None = None,
        interval: int | None = None,
    ) -> None:
        self.threshold = threshold
        self.begin = begin
        self.interval = interval
        self.first, self.step = begin or 0, interval or 1
        self.last: int | None = None
        self.short = False
        self.healthy = False  # at any look of a short run
        self.warned = False

    def before_train(self, runner: Any) -> None:
        """Fit the looks to the run's length."""
        total = runner.max_iters
        self.last = total - 1
        if self.begin is None:
            self.short = total <= SETTLED
            self.first = total // 2 if self.short else SETTLED
        if self.interval is None:
            self.step = min(100, max(1, total // 20))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the step's deviation."""
        last = runner.iter == self.last
        due = runner.iter >= self.first and self.every_n_train_iters(runner, self.step)
        if self.warned or not (due or last) or 'feature_std' not in (outputs or {}):
            return
        found = float(outputs['feature_std'])
        if found >= self.threshold:
            self.healthy = True
        elif not self.short or (last and not self.healthy):
            self.warned = True
            print_log(
                f'feature_std is {found:.4f} at iteration {runner.iter + 1}, below '
                f'{self.threshold}: all images get nearly the same feature (a '
                'collapse); lower the learning rate, or raise the temperature or the '
                'weight of CLD'
                f'{", or train longer than these few iterations" * self.short}.',
                'current',
                level=30,
            )
