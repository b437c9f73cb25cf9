"""CollapseHook: warn when all images get nearly the same feature."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log

from cld_mm.registry import HOOKS

SETTLED = 1000  # iterations


@HOOKS.register_module()
class CollapseHook(Hook):
    """Warn once if the logged ``feature_std`` stays near zero.

    Unit features that spread evenly over C dimensions have a standard deviation of
    about ``C ** -0.5`` in each (0.09 for 128), collapsed ones of 0. An untrained
    network may look collapsed: MoCo's on Fashion-MNIST falls to 0.001 and is above 0.01
    again after 200 iterations. So the first 1000 are ignored. A shorter run is checked
    in its second half, with a warning at its end if the value was small all along.

    Args:
        threshold: smallest standard deviation that is no collapse.
        begin: first iteration that counts, for any length of the run.
        interval: iterations between two checks, each a device sync; by default 100, or
            a twentieth of a run of fewer than 2000.
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
        self.healthy = False  # at any check of a short run
        self.warned = False

    def before_train(self, runner: Any) -> None:
        """Fit the checks to the run's length."""
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
        """Check the step's standard deviation."""
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
