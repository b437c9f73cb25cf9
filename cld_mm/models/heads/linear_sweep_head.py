"""LinearSweepHead: linear classifiers side by side, one for each learning rate.

Source: the linear protocols of MoCo (arXiv 1911.05722) and InfoMin (arXiv 2005.10243),
whose learning rates differ a thousandfold between methods and have to be searched.
"""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn import functional as F

from cld_mm.models.layers import pooled
from cld_mm.registry import MODELS


@MODELS.register_module()
class LinearSweepHead(BaseModule):
    """R softmax classifiers on one frozen forward pass.

    Their losses are summed, so each classifier gets its own gradient alone; the
    optimizer's ``paramwise_cfg`` gives each its learning rate.

    Args:
        num_classes: of the dataset.
        in_channels: size of the pooled feature.
        learning_rates: R of them; names the classifiers.
        init_cfg: initialization; normal with deviation 0.01 by default.

    Raises:
        ValueError: there is no learning rate, or one twice.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        learning_rates: Sequence[float],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or {'type': 'Normal', 'layer': 'Linear', 'std': 0.01})
        if not learning_rates or len(set(learning_rates)) < len(learning_rates):
            raise ValueError(
                f'learning_rates is {learning_rates}: give one or more, each once.'
            )
        self.learning_rates = tuple(learning_rates)
        self.classifiers = nn.ModuleList(
            nn.Linear(in_channels, num_classes) for _ in learning_rates
        )
        # Set by ChooseLearningRateHook from held-out images, and saved.
        self.register_buffer('chosen', torch.zeros((), dtype=torch.long))

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """Scores ``(R, N, classes)``."""
        x = pooled(feats)
        return torch.stack([classifier(x) for classifier in self.classifiers])

    def loss(
        self, feats: Tensor | Sequence[Tensor], data_samples: list[DataSample]
    ) -> dict[str, Tensor]:
        """Sum of the classifiers' cross entropies, and the smallest of them."""
        scores = self(feats)
        target = torch.cat([sample.gt_label for sample in data_samples])
        target = target.to(scores.device)
        each = torch.stack([F.cross_entropy(one, target) for one in scores])
        return {'loss': each.sum(), 'smallest': each.detach().min()}

    def predict(
        self, feats: Tensor | Sequence[Tensor], data_samples: list[DataSample]
    ) -> list[DataSample]:
        """Scores of the chosen classifier, and of all as ``sweep_labels`` ``(R,)``."""
        scores = self(feats)
        chosen = scores[self.chosen].softmax(dim=1)
        labels = scores.argmax(dim=2).t()
        for sample, score, found in zip(data_samples, chosen, labels, strict=True):
            sample.set_pred_score(score).set_pred_label(score.argmax(keepdim=True))
            sample.set_field(found, 'sweep_labels')
        return data_samples
