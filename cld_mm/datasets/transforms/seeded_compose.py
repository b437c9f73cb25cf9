"""SeededCompose: a whole pipeline that draws from the sample's own seed."""

from mmengine.dataset import Compose

from .views import seeded_random


class SeededCompose(Compose):
    """mmengine's Compose, seeded for each sample where its index carries a seed.

    So any pipeline, mmpretrain's for classification too, augments an image in an epoch
    in one way, whatever worker gets it and wherever a run was interrupted.
    """

    def __call__(self, data: dict) -> dict | None:
        """Run the transforms."""
        seed = getattr(data.get('sample_idx'), 'seed', None)
        if seed is None:
            return super().__call__(data)
        with seeded_random(seed):
            return super().__call__(data)
