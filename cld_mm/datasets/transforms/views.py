"""SeededMultiView: several augmented views, reproducible for each sample."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmpretrain.datasets.transforms import MultiView

from cld_mm.datasets.samplers.seeded_sampler import mix_seed, warn_without_seed
from cld_mm.registry import TRANSFORMS


@contextmanager
def seeded_random(seed: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's generators inside; restore them after.

    Restoring matters without worker processes, where the augmentations would
    otherwise reseed the training itself.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@TRANSFORMS.register_module()
class SeededMultiView(MultiView):
    """mmpretrain's MultiView, drawing from the sample's own seed.

    The seed comes with the index that SeededSampler yields; with another sampler
    this is plain MultiView, and warns.

    Args:
        transforms: one list of transforms for each kind of view.
        num_views: how many views of each kind; the order of views is the order
            in which the algorithm reads them: (q, k) or (q, k, q2).
    """

    def transform(self, results: dict) -> dict:
        """Add the list of views under 'img'.

        Where RandomView left the colors to the device, their parameters come under
        'augmentations', ``(V, 16)`` or ``(V, 20)`` for V views.

        Raises:
            ValueError: only some of the views are left to the device.
        """
        index = results.get('sample_idx')
        seed = getattr(index, 'seed', None)
        if seed is None:
            if index is not None:
                warn_without_seed()
            return self._views(results, None)
        with seeded_random(seed):
            return self._views(results, seed)

    def _views(self, results: dict, seed: int | None) -> dict:
        views, drawn = [], []
        for place, pipeline in enumerate(self.transforms):
            # Transforms replace what they change, so the image need not be copied.
            view = dict(results)
            if seed is not None:
                view['view_seed'] = mix_seed(seed, place, 0)
            view = pipeline(view)
            views.append(view['img'])
            if 'augmentation' in view:
                drawn.append(view['augmentation'])
        if len(drawn) not in (0, len(views)):
            raise ValueError(
                f'{len(drawn)} of {len(views)} views have on_device=True: set it in '
                'the RandomView of all of them, or of none.'
            )
        results['img'] = views
        if drawn:
            results['augmentations'] = np.stack(drawn)
        return results
