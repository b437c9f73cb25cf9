"""KNNLoop: kNN accuracy of frozen features, in validation and in testing.

Source: NPID (arXiv 1805.01978), section 3.4; CLD (arXiv 2008.03813), section 4.
mmpretrain's self-supervised models have no ``predict`` mode, so mmengine's own
ValLoop and TestLoop cannot evaluate them.
"""

from collections.abc import Callable
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.evaluator import Evaluator
from mmengine.runner.base_loop import BaseLoop
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.utils.data import DataLoader

from cld_mm.datasets.class_names import read_class_names
from cld_mm.datasets.labels import require_labels
from cld_mm.datasets.value_range import use_value_range, value_range_of
from cld_mm.engine.class_lists import with_classes
from cld_mm.evaluation import FeatureMetric, knn_classify
from cld_mm.evaluation.feature_extraction import extract_features
from cld_mm.registry import LOOPS


@LOOPS.register_module()
class KNNLoop(BaseLoop):
    """Classify the evaluated images by their neighbors among training images.

    Logged as ``knn_backbone/<metric>`` and ``knn_instance/<metric>``.

    Args:
        runner: the runner.
        dataloader: images to classify (``val_dataloader`` or
            ``test_dataloader``).
        evaluator: metrics of the class scores, such as mmpretrain's Accuracy, or of the
            features, such as GroupAgreement and RetrievalPrecision.
        train_dataloader: labeled training images in the test transform; labels of
            both dataloaders count along its classes, matched by name. The config's
            ``unknown_classes`` says what happens to images of other classes.
        k: neighbors that vote.
        temperature: T; the recipes use the instance temperature.
        stage: 'val' or 'test': which of the runner's hooks are called.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        train_dataloader: DataLoader | dict,
        k: int = 200,
        temperature: float = 0.1,
        stage: str = 'val',
    ) -> None:
        train = with_classes(train_dataloader, None)
        if not isinstance(train, DataLoader):
            train = runner.build_dataloader(train, runner.seed)
        self.train_dataloader = train
        require_labels(train.dataset, 'kNN')
        names = read_class_names(train.dataset) or []
        unknown = runner.cfg.get('unknown_classes', 'error')
        super().__init__(runner, with_classes(dataloader, names, unknown))
        require_labels(self.dataloader.dataset, 'kNN')
        use_value_range(self.dataloader.dataset, value_range_of(train.dataset))
        if stage not in ('val', 'test'):
            raise ValueError(f"stage is {stage!r}, but it must be 'val' or 'test'.")
        self.evaluator = (
            evaluator
            if isinstance(evaluator, Evaluator)
            else runner.build_evaluator(evaluator)
        )
        self.evaluator.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)
        self.k = k
        self.temperature = temperature
        self.stage = stage

    def run(self) -> dict[str, float]:
        """Evaluate and return the metrics, in percent."""
        call = self.runner.call_hook
        call(f'before_{self.stage}')
        call(f'before_{self.stage}_epoch')

        def may_stop(index: int, batches: int) -> None:  # by DigestCheckpointHook
            call('after_features', batch_idx=index, batches=batches)

        model = self.runner.model
        train = extract_features(model, self.train_dataloader, True, may_stop)
        test = extract_features(model, self.dataloader, after_batch=may_stop)
        metrics: dict[str, float] = {}
        for name in train:
            if name != 'labels':
                may_stop(0, 1)
                features = train[name], train['labels'], test[name], test['labels']
                scores = self._evaluate(*features, may_stop)
                metrics |= {
                    f'knn_{name}/{key.removeprefix("accuracy/")}': value
                    for key, value in scores.items()
                }
        call(f'after_{self.stage}_epoch', metrics=metrics)
        call(f'after_{self.stage}')
        return metrics

    def _evaluate(
        self,
        train: Tensor,
        train_labels: Tensor,
        test: Tensor,
        test_labels: Tensor,
        after_chunk: Callable[[int, int], None],
    ) -> dict[str, float]:
        if get_world_size() > 1:  # ranks exchange tensors of their devices
            device = next(self.runner.model.parameters()).device
            train, train_labels, test = (
                part.to(device) for part in (train, train_labels, test)
            )
        classes = getattr(self.dataloader.dataset, 'metainfo', {}).get('classes')
        scores = knn_classify(
            train,
            train_labels,
            test,
            self.k,
            self.temperature,
            len(classes) if classes else None,
            sharded=True,
            after_chunk=after_chunk,
        )
        # Each rank gives its own part; the evaluator collects them all.
        own = slice(get_rank(), None, get_world_size())
        scores = scores[own].cpu()
        samples = [
            DataSample().set_gt_label(label).set_pred_score(score)
            for label, score in zip(test_labels[own], scores, strict=True)
        ]
        wanting = [m for m in self.evaluator.metrics if isinstance(m, FeatureMetric)]
        if wanting:
            for sample, feature in zip(samples, test[own], strict=True):
                sample.set_field(feature, 'feature')
            gallery = _all_rows(train), _all_rows(train_labels)
        for metric in wanting:
            metric.gallery = gallery
        self.evaluator.process(samples)
        return self.evaluator.evaluate(len(test))


def _all_rows(rows: Tensor) -> Tensor:
    """Rows of all ranks, each of which may have another number of them."""
    parts: list = all_gather_object(rows.cpu())
    return torch.cat(parts)
