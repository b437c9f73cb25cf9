"""ViewsPreprocessor gives the same views whether it augments them together or not."""

from typing import Any

import numpy as np
import pytest
import torch

from cld_mm.augmentation.view_parameters import ViewDistribution
from cld_mm.models.data_preprocessors import ViewsPreprocessor, views_preprocessor

LAW = ViewDistribution(
    brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, jitter_prob=0.8,
    gray_prob=0.2, blur_prob=0.5, solarize_prob=0.2, erase_prob=0.5,
)  # fmt: skip


@pytest.mark.parametrize('in_memory', [False, True])
def test_views_together_are_the_views_one_by_one(
    in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = np.arange(3 * 7, dtype=np.uint64).reshape(3, 7)
    drawn = [LAW.draw(row, 20, 20, 24) for row in seeds]
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, 7, 3, 24, 24), generator=generator)
    images = images.to(torch.uint8)
    batch: dict[str, Any] = {
        'inputs': images[0, :, :, :20, :20] if in_memory else list(images),
        'augmentations': torch.from_numpy(np.stack(drawn, axis=1)),
        'data_samples': [],
    }
    if in_memory:
        batch['crop_size'] = 24
    preprocess = ViewsPreprocessor(mean=(120.0,) * 3, std=(60.0,) * 3)
    together = preprocess(dict(batch))['inputs']
    monkeypatch.setattr(views_preprocessor, 'TOGETHER', 0)
    one_by_one = preprocess(dict(batch))['inputs']
    assert len(together) == len(one_by_one) == 3
    for got, expected in zip(together, one_by_one, strict=True):
        assert got.shape == (7, 3, 24, 24)
        assert got.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)
