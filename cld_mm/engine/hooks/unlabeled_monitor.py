"""UnlabeledMonitorHook: is it learning? Signals that need no labels, once per epoch.

Sources: alignment and uniformity (arXiv 2005.10242), effective rank as RankMe (arXiv
2210.02885), adjusted mutual information of groups (Vinh et al., JMLR 2010).
"""

import math
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop
from torch import Tensor

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.random_states import random_states, set_random_states
from cld_mm.evaluation import alignment, effective_rank, uniformity
from cld_mm.evaluation.labeled_probe import probe_accuracies
from cld_mm.evaluation.stability import (
    group_agreement,
    neighbor_overlap,
    neighbor_sets,
)
from cld_mm.evaluation.view_pairs import extract_view_pairs
from cld_mm.registry import HOOKS

KEY = 'unlabeled_monitor'  # in checkpoints
NEIGHBORS = 10  # of an image


@HOOKS.register_module()
class UnlabeledMonitorHook(Hook):
    """Log how features of two views of some training images develop.

    Logged before training and after each ``interval`` epochs, on the same images and
    views each time:

    - ``monitor/view_agreement``: agreement of k-means groups (about 16 images each)
      between two views.
    - ``monitor/epoch_agreement``: the same between this epoch and the previous one.
    - ``monitor/neighbor_overlap``: fraction of nearest neighbors shared with the
      previous epoch.
    - ``monitor/effective_rank``: dimensions in use (RankMe).
    - ``monitor/alignment``, the distance between two views, and ``monitor/uniformity``,
      which falls as features spread. Both near 0: collapse.
    - ``monitor/loss_over_log_k``: the instance loss divided by log K, the loss of a
      guess among K candidates (algorithms with a queue or a full memory bank).
    - ``monitor/knn_top1``, ``monitor/linear_top1``: with labels only, accuracies in
      percent on held-out images among these.

    A run by iterations logs the signals under its iterations.

    Args:
        interval: epochs; iterations without ``by_epoch``.
        num_images: how many training images are encoded.
        by_epoch: whether ``interval`` counts epochs.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(
        self, interval: int = 1, num_images: int = 512, by_epoch: bool = True
    ) -> None:
        if interval < 1 or num_images < 4:
            raise ValueError(
                f'interval must be >= 1 and num_images >= 4, got {interval} and '
                f'{num_images}.'
            )
        self.interval = interval
        self.num_images = num_images
        self.by_epoch = by_epoch
        self.previous: dict[str, Tensor] = {}

    def before_train(self, runner: Any) -> None:
        """Measure the network that training starts from."""
        if runner.iter == 0:
            self.measure(runner, step=0)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Measure each ``interval`` iterations, without ``by_epoch``."""
        if not self.by_epoch and self.every_n_train_iters(runner, self.interval):
            self.measure(runner, step=runner.iter + 1)

    def after_train_epoch(self, runner: Any) -> None:
        """Measure each ``interval`` epochs and after the last."""
        if self.by_epoch and (
            self.every_n_epochs(runner, self.interval)
            or self.is_last_train_epoch(runner)
        ):
            by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
            self.measure(runner, runner.iter if by_iter else runner.epoch + 1)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Keep what the next measurement is compared with."""
        checkpoint[KEY] = dict(self.previous)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Compare with the checkpoint's measurement if training is resumed."""
        self.previous = dict(checkpoint.get(KEY, {})) if runner._resume else {}

    def measure(self, runner: Any, step: int) -> None:
        """Encode the images and log the signals; random states stay as they are.

        Args:
            runner: the runner.
            step: epochs, or iterations without ``by_epoch``, that were trained.
        """
        states = random_states()
        pairs = extract_view_pairs(runner, self.num_images)
        set_random_states(states)
        if not pairs.features or not is_main_process():
            return
        features = pairs.features['backbone']
        values = self._signals(features, pairs.features)
        values |= probe_accuracies(features, pairs.labels)
        found = chance_ratio(runner)
        if found is not None:
            values['loss_over_log_k'] = found
        scalars = {f'monitor/{name}': value for name, value in values.items()}
        runner.visualizer.add_scalars(scalars, step=step)
        text = ', '.join(f'{name} {value:.3f}' for name, value in values.items())
        runner.logger.info(f'Monitor (no labels needed): {text}')

    def _signals(
        self, features: tuple[Tensor, Tensor], kinds: dict[str, tuple[Tensor, Tensor]]
    ) -> dict[str, float]:
        one, two = features
        if not (one.isfinite().all() and two.isfinite().all()):
            return {}
        groups = min(max(2, len(one) // 16), len(one))
        values = {'view_agreement': group_agreement(one, two, groups)}
        neighbors = neighbor_sets(one, NEIGHBORS)
        if self.previous and len(self.previous['features']) == len(one):
            before = self.previous['features'].float()
            values['epoch_agreement'] = group_agreement(before, one, groups)
            values['neighbor_overlap'] = neighbor_overlap(
                self.previous['neighbors'], neighbors
            )
        self.previous = {'features': one.half(), 'neighbors': neighbors}
        pair = kinds.get('instance', features)
        if one.any():
            values['effective_rank'] = effective_rank(one)
        return values | {
            'alignment': alignment(*pair),
            'uniformity': uniformity(pair[0]),
        }


def chance_ratio(runner: Any) -> float | None:
    """The epoch's instance loss over log K; None before training or where K is not
    known.
    """
    model = unwrap_model(runner.model)
    scalars = runner.message_hub.log_scalars
    if runner.iter == 0 or 'train/loss_instance' not in scalars:
        return None
    candidates = 0
    if getattr(model, 'queue', None) is not None:
        candidates = len(model.queue) + 1
    elif getattr(model, 'bank', None) is not None and not model.num_negatives:
        candidates = len(model.bank)
    if candidates < 2:
        return None
    loss = scalars['train/loss_instance'].mean(len(runner.train_dataloader))
    return float(torch.as_tensor(loss)) / math.log(candidates)
