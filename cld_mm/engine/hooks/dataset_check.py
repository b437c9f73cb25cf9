"""DatasetCheckHook: settings that do not fit the data are refused before training."""

from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmpretrain.models.selfsup.base import BaseSelfSupervisor
from torch import nn

from cld_mm.datasets.class_names import read_class_names
from cld_mm.datasets.labels import has_labels, read_labels
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.models.algorithms.base import FollowsOptimizer
from cld_mm.registry import HOOKS

PRETRAINING = (BaseSelfSupervisor, FollowsOptimizer)


@HOOKS.register_module()
class DatasetCheckHook(Hook):
    """Compare the model's and the evaluators' settings with the datasets.

    A model with a method ``check_dataset(num_images)`` is asked, too.
    """

    def before_train(self, runner: Any) -> None:
        """Check the training set, its batches and the validation's metrics.

        Raises:
            ValueError: a setting does not fit the data; the message names it.
        """
        model = unwrap_model(runner.model)
        loader = runner.train_dataloader
        if hasattr(model, 'check_dataset'):
            model.check_dataset(len(loader.dataset))
        check_num_classes(model, loader.dataset)
        check_last_batch(model, loader)
        if runner.val_loop is not None:
            check_top_k(model, runner.val_loop, runner.cfg, 'val_evaluator')

    def before_test(self, runner: Any) -> None:
        """Check the test's metrics.

        Raises:
            ValueError: they want more classes than there are.
        """
        model = unwrap_model(runner.model)
        check_top_k(model, runner.test_loop, runner.cfg, 'test_evaluator')


def check_num_classes(model: nn.Module, dataset: Any) -> None:
    """Raise a ValueError where a classifier has fewer outputs than the data classes."""
    head = getattr(model, 'head', None)
    outputs = getattr(head, 'num_classes', None)
    if not outputs or isinstance(model, PRETRAINING):
        return
    classes = num_classes_of(dataset)
    if classes is not None and outputs < classes:
        raise ValueError(
            f'model.head.num_classes is {outputs}, but the training images have '
            f'{classes} classes: set model.head.num_classes={classes}.'
        )


def num_classes_of(dataset: Any) -> int | None:
    """The number of classes, by names or by the largest label; None without labels."""
    names = read_class_names(dataset)
    if names is not None:
        return len(names)
    if not has_labels(dataset):
        return None
    labels = read_labels(dataset)
    return int(labels.max()) + 1 if labels.ndim == 1 and len(labels) else None


def check_last_batch(model: nn.Module, loader: Any) -> None:
    """Raise a ValueError where the last batch of an epoch has one image and may not."""
    size = loader.batch_size
    if size is None or size < 2 or loader.drop_last:
        return
    if len(loader.sampler) % size != 1 or not _needs_pairs(model):
        return
    raise ValueError(
        f'{len(loader.sampler)} training images per rank in batches of {size} leave a '
        'last batch of one image, and this model needs two: set '
        'train_dataloader.drop_last=True, or another train_dataloader.batch_size.'
    )


def _needs_pairs(model: nn.Module) -> bool:
    """Whether a batch of one fails: pre-training, or BatchNorm of pooled features."""
    return isinstance(model, PRETRAINING) or any(
        isinstance(module, nn.BatchNorm1d) and module.training
        for module in model.modules()
    )


def check_top_k(model: nn.Module, loop: Any, cfg: Config, path: str) -> None:
    """Raise a ValueError where a metric wants the best k of fewer classes."""
    metrics = getattr(getattr(loop, 'evaluator', None), 'metrics', [])
    classes = getattr(getattr(model, 'head', None), 'num_classes', None)
    voters = getattr(loop, 'train_dataloader', None)  # of KNNLoop
    if voters is not None:
        classes = num_classes_of(voters.dataset)
    for place, metric in enumerate(metrics):
        top_k = getattr(metric, 'topk', None)
        if not top_k or not classes or max(top_k) <= classes:
            continue
        name = path if isinstance(cfg.get(path), dict) else f'{path}.{place}'
        fitting = tuple(k for k in top_k if k <= classes) or (1,)
        raise ValueError(
            f'{name}.topk is {tuple(top_k)}, but there are {classes} classes: set '
            f'{name}.topk="{fitting}".'
        )
