"""ProgressBarHook: one live line on a terminal, plain log lines elsewhere."""

import sys
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from tqdm import tqdm

from cld_mm.registry import HOOKS

PARTS = ('loss', 'loss_instance', 'loss_cld', 'group_acc')
UPDATE = 10  # iterations between reads of the values, each a device sync


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Show epoch, iteration, loss parts, images a second and time left.

    Only on rank 0 and only where stderr is a terminal; elsewhere it does nothing,
    and mmengine's lines are printed. ResumableRunner keeps those off the terminal.
    """

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def before_train(self, runner: Any) -> None:
        """Open the bar over the whole run."""
        if is_main_process() and sys.stderr.isatty():
            self._bar = tqdm(
                total=runner.max_iters,
                initial=runner.iter,
                desc='training',
                unit='it',
                dynamic_ncols=True,
                bar_format='{desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} '
                '[{elapsed} < {remaining}{postfix}]',
            )

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance by one iteration."""
        if self._bar is None:
            return
        self._bar.update()
        if self._bar.n % UPDATE and self._bar.n != self._bar.total:
            return
        found = {name: (outputs or {}).get(name) for name in PARTS}
        values = [
            f'{name.removeprefix("loss_")} {float(torch.as_tensor(v).detach()):.3f}'
            for name, v in found.items()
            if v is not None
        ]
        rate = self._bar.format_dict['rate'] or 0
        images = rate * runner.train_dataloader.batch_size * runner.world_size
        self._bar.set_description_str(
            f'epoch {runner.epoch + 1}/{runner.max_epochs}', refresh=False
        )
        self._bar.set_postfix_str(', '.join([*values, f'{images:.0f} images/s']))

    def after_train(self, runner: Any) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
