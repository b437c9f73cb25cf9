"""GroupQualityHook: do the groups of a batch follow the classes?

Source: CLD (arXiv 2008.03813), section 4: NMI of groups with classes over training. The
labels are read only; nothing is trained by them.
"""

from typing import Any

import torch
from mmengine.hooks import Hook

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.evaluation import group_quality
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class GroupQualityHook(Hook):
    """Log NMI, adjusted Rand, purity and mean size of a batch's groups now and then.

    As ``group_nmi``, ``group_adjusted_rand``, ``group_purity`` and ``group_size``.

    An epoch's last batch is measured too. Nothing is logged where the dataset has no
    labels, or the model no CLD. NMI of a small batch is biased upwards: with as many
    groups as images it says little.

    Args:
        interval: iterations between two measurements; each syncs the device.
    """

    priority = 'ABOVE_NORMAL'  # before the logger, whose line it joins

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Compare the groups with the batch's labels."""
        last = self.end_of_epoch(runner.train_dataloader, batch_idx)
        if not (last or self.every_n_inner_iters(batch_idx, self.interval)):
            return
        model = unwrap_model(runner.model)
        groups = getattr(getattr(model, 'cld', None), 'last_labels', None)
        samples = (data_batch or {}).get('data_samples') or []
        if groups is None or not all(_has_one_label(sample) for sample in samples):
            return
        classes = torch.cat([sample.gt_label for sample in samples])
        if len(classes) != len(groups):
            return
        quality = group_quality(groups.cpu(), classes.cpu())
        for name in ('nmi', 'adjusted_rand', 'purity', 'group_size'):
            key = f'train/group_{name.removeprefix("group_")}'
            runner.message_hub.update_scalar(key, quality[name])


def _has_one_label(sample: Any) -> bool:
    return 'gt_label' in sample and sample.gt_label.numel() == 1
