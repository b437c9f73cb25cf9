"""ErrorRate: the percentage of wrong predictions."""

from collections.abc import Sequence

from mmengine.evaluator import BaseMetric

from cld_mm.registry import METRICS


@METRICS.register_module()
class ErrorRate(BaseMetric):
    """Images whose most likely class is another one, in percent."""

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Note which predictions of a batch are wrong."""
        for sample in data_samples:
            predicted = sample['pred_score'].argmax()
            self.results.append(int(predicted != sample['gt_label']))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The rate over all images."""
        return {'error': 100 * sum(results) / len(results)}
