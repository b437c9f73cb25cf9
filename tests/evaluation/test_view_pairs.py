"""View pairs of training images: only as many images are encoded as asked for."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from cld_mm.evaluation import view_pairs
from tests.helpers.tiny_models import tiny_moco


@pytest.mark.parametrize(('number', 'wanted'), [(5, 8), (8, 8), (9, 12), (100, 40)])
def test_whole_batches_are_encoded_up_to_the_number(
    number: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_moco()
    encoded = []
    features_of = view_pairs.features_of

    def counted(model: Any, view: torch.Tensor) -> dict[str, torch.Tensor]:
        encoded.append(len(view))
        return features_of(model, view)

    monkeypatch.setattr(view_pairs, 'features_of', counted)
    images = torch.randn(40, 3, 8, 8)
    monkeypatch.setattr(
        model.data_preprocessor,
        'forward',
        lambda batch, training: {'inputs': [batch, batch.flip(-1)]},
    )
    runner = SimpleNamespace(
        cfg={'train_dataloader': {}},
        model=model,
        seed=0,
        _train_loop=None,
        build_dataloader=lambda cfg, seed: DataLoader(images, 4),
    )
    found = view_pairs.extract_view_pairs(runner, number)
    assert sum(encoded) == 2 * wanted  # two views
    assert len(found.features['backbone'][0]) == min(number, 40)
