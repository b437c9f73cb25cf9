"""SeededCompose: a whole pipeline that draws from the sample's own seed."""

from collections.abc import Sized

import numpy as np
from mmengine.dataset import Compose

from cld_mm.datasets.samplers.seeded_sampler import SeededIndex, mix_seed

from .views import seeded_random


class SeededCompose(Compose):
    """mmengine's Compose, seeded for each sample where its index carries a seed.

    So any pipeline, mmpretrain's for classification too, augments an image in an epoch
    in one way, whatever worker gets it and wherever a run was interrupted. So is the
    image that takes a broken one's place, see :meth:`another`.
    """

    _seed: int | None = None

    def __call__(self, data: dict) -> dict | None:
        """Run the transforms; None where they give the sample up."""
        self._seed = getattr(data.get('sample_idx'), 'seed', None)
        if self._seed is None:
            return super().__call__(data)
        with seeded_random(self._seed):
            return super().__call__(data)

    def another(self, dataset: Sized) -> int:
        """The place of the image to take instead of the one just given up.

        mmengine draws it from the worker's running state, which an interruption
        changes; here it follows from the seed of the sample that it replaces.
        """
        if self._seed is None:
            return int(np.random.randint(len(dataset)))
        seed = mix_seed(self._seed, 0, len(dataset))
        return SeededIndex(seed % len(dataset), seed)
