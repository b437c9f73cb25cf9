"""ChooseLearningRateHook: the best of a LinearSweepHead, by held-out images."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class ChooseLearningRateHook(Hook):
    """Choose after each validation; at the end test the chosen one and save it.

    The validation images must be a held-out part of the training set: a learning rate
    that is chosen by test images has seen them.

    Args:
        filename: checkpoint of the end, in the work dir, with the choice in it.
    """

    def __init__(self, filename: str = 'chosen.pth') -> None:
        self.filename = filename

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Choose by the newest accuracies."""
        head: Any = unwrap_model(runner.model).head
        found = [metrics[f'sweep/{i}'] for i in range(len(head.learning_rates))]
        best = max(range(len(found)), key=found.__getitem__)
        head.chosen.fill_(best)
        for index, (rate, top1) in enumerate(
            zip(head.learning_rates, found, strict=True)
        ):
            mark = ' (chosen)' if index == best else ''
            print_log(f'lr {rate:<8g} held-out top-1 {top1:6.2f} %{mark}', 'current')

    def after_train(self, runner: Any) -> None:
        """Save, and test once."""
        runner.save_checkpoint(
            runner.work_dir,
            self.filename,
            save_optimizer=False,
            save_param_scheduler=False,
        )
        if runner._test_loop is not None:
            runner.test_loop.run()
