"""NPID: instance discrimination against a memory bank, alone or with CLD.

Sources: NPID (arXiv 1805.01978); CLD (arXiv 2008.03813), section 3 and the
released CIFAR recipes: two views, both written to the bank one after the other.
"""

from typing import Any

import torch
from torch import Tensor

from cld_mm.models.losses.bank_loss import (
    bank_nce_loss,
    bank_softmax_loss,
    estimate_normalizer,
)
from cld_mm.models.losses.checks import check_temperature
from cld_mm.models.losses.sharded_bank_loss import (
    route_pairs,
    sharded_nce_loss,
    sharded_normalizer,
    sharded_softmax_loss,
)
from cld_mm.models.memories import MemoryBank, ShardedMemoryBank
from cld_mm.registry import MODELS

from .base import BaseAlgorithm, feature_std


@MODELS.register_module()
class NPID(BaseAlgorithm):
    """Non-parametric instance discrimination with two views.

    Args:
        backbone: config of the backbone.
        neck: config of the neck; with ``cld`` a TwoBranchNeck.
        num_images: n, the size of the training set.
        cld: config of the CLDHead, or None.
        temperature: T.
        num_negatives: m; 0 for the softmax over the whole bank, else noise-
            contrastive estimation with m sampled rows for each image.
        feat_dim: C, size of the instance feature.
        bank_momentum: weight of the new feature in a row's average.
        bank_dtype: 'float32' or 'float16'.
        bank_sharded: split the bank's rows over the ranks; values and gradients are the
            same but for rounding (docs/scaling.md).
        data_preprocessor: config of the preprocessor.
        init_cfg: initialization.

    Raises:
        ValueError: temperature is not above 0 or ``num_negatives`` below 0.
    """

    log_normalizer: Tensor
    num_views = 2

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        num_images: int,
        cld: dict[str, Any] | None = None,
        temperature: float = 0.1,
        num_negatives: int = 0,
        feat_dim: int = 128,
        bank_momentum: float = 0.5,
        bank_dtype: str = 'float32',
        bank_sharded: bool = False,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            cld=cld,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        check_temperature(temperature)
        if num_negatives < 0:
            raise ValueError(
                f'num_negatives is {num_negatives}, but it must be 0 (the '
                'whole bank) or a number of samples: the paper uses 4096.'
            )
        self.temperature = temperature
        self.num_negatives = num_negatives
        bank = ShardedMemoryBank if bank_sharded else MemoryBank
        self.bank = bank(num_images, feat_dim, bank_momentum, bank_dtype)
        # log Z of the NCE form; NaN until the first batch has estimated it.
        self.register_buffer('log_normalizer', torch.tensor(float('nan')))

    def check_dataset(self, num_images: int) -> None:
        """Raise a ValueError unless the bank has a row for each image."""
        self.bank.check_size(num_images)

    def loss(
        self, inputs: list[Tensor], data_samples: list, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Loss parts of one batch; its features enter the bank.

        Args:
            inputs: two views, each ``(N, 3, H, W)``.
            data_samples: their ``sample_idx`` names the image in the dataset.

        Returns:
            ``loss_instance``, ``feature_std``, and with CLD ``loss_cld``,
            ``group_acc`` and ``groups_used``.

        Raises:
            ValueError: too few views or images, or an index beyond the bank.
        """
        views = self.check_views(inputs, self.num_views)[: self.num_views]
        indices = self._indices(data_samples)
        # Plainly moved, they would wait for all that the device still has to do.
        indices = indices.to(views[0].device, non_blocking=True)
        projections = [self.project(view) for view in views]
        features = [projection.instance for projection in projections]
        losses = {
            'loss_instance': self._instance_loss(features, indices, data_samples),
            'feature_std': feature_std(features[0]),
        }
        if self.cld is not None:
            losses.update(self.cld.loss(projections[0].group, projections[1].group))
        for view_features in features:
            self.bank.update(indices, view_features.detach())
        return losses

    def _indices(self, data_samples: list) -> Tensor:
        indices = [sample.get('sample_idx') for sample in data_samples]
        if not indices or any(index is None for index in indices):
            raise ValueError(
                'NPID needs to know which image each sample is, but the '
                "samples carry no 'sample_idx': leave it among the "
                'meta_keys of PackInputs.'
            )
        if max(indices) >= len(self.bank):
            raise ValueError(
                f'image {max(indices)} has no row in the memory bank of '
                f'{len(self.bank)}: set model.num_images to the size of '
                'the training set.'
            )
        return torch.tensor([int(index) for index in indices])

    def _instance_loss(
        self, features: list[Tensor], indices: Tensor, data_samples: list
    ) -> Tensor:
        if not self.num_negatives:
            losses = [self._softmax_loss(view, indices) for view in features]
        else:
            generator = self._generator(data_samples, indices.device)
            losses = [self._nce_loss(view, indices, generator) for view in features]
        return sum(losses[1:], losses[0]) / len(losses)

    def _softmax_loss(self, features: Tensor, indices: Tensor) -> Tensor:
        if isinstance(self.bank, ShardedMemoryBank):
            return sharded_softmax_loss(features, self.bank, indices, self.temperature)
        return bank_softmax_loss(
            features, self.bank.features, indices, self.temperature
        )

    def _nce_loss(
        self, features: Tensor, indices: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        negatives = torch.randint(
            len(self.bank),
            (len(features), self.num_negatives),
            generator=generator,
            device=features.device,
        )
        if isinstance(self.bank, ShardedMemoryBank):
            pairs = route_pairs(features, self.bank, indices, negatives)
            if not self._estimated:
                self._estimate(sharded_normalizer(pairs, self.bank, self.temperature))
            return sharded_nce_loss(
                features,
                self.bank,
                indices,
                negatives,
                self.log_normalizer,
                self.temperature,
                pairs,
            )
        bank = self.bank.features
        if not self._estimated:
            self._estimate(
                estimate_normalizer(features, bank, negatives, self.temperature)
            )
        return bank_nce_loss(
            features, bank, indices, negatives, self.log_normalizer, self.temperature
        )

    @property
    def _estimated(self) -> bool:
        # Asked of the device until it says yes, and never again.
        if not self.__dict__.get('_known', False):
            self.__dict__['_known'] = bool(self.log_normalizer.isfinite())
        return self.__dict__['_known']

    def _estimate(self, estimate: Tensor) -> None:
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(estimate)
            estimate /= torch.distributed.get_world_size()
        self.log_normalizer.copy_(estimate)

    def _generator(
        self, data_samples: list, device: torch.device
    ) -> torch.Generator | None:
        """Draw negatives from the batch's own seed, so that a resumed run redraws.

        SeededSampler's indices carry it; with another sampler the global
        generator draws.
        """
        seed = getattr(data_samples[0].sample_idx, 'seed', None)
        if seed is None:
            return None
        return torch.Generator(device).manual_seed(seed % 2**63)
