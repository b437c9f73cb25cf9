"""SweepAccuracy: top-1 of each classifier of a LinearSweepHead."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric

from cld_mm.registry import METRICS


@METRICS.register_module()
class SweepAccuracy(BaseMetric):
    """Top-1 in percent, as ``sweep/0``, ``sweep/1``, ... in the classifiers' order."""

    default_prefix = 'sweep'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Record which classifiers are right on each image."""
        for sample in data_samples:
            label = sample['gt_label'].to(sample['sweep_labels'].device)
            self.results.append((sample['sweep_labels'] == label).float().cpu())

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over the images."""
        accuracies = 100 * torch.stack(results).mean(dim=0)
        return {str(index): float(value) for index, value in enumerate(accuracies)}
