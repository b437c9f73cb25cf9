"""Features of a dataset, with labels or without, and of partly loaded networks."""

from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader

from cld_mm.evaluation.feature_extraction import extract_features, keep_loaded_features
from tests.helpers.tiny_models import tiny_moco


def loader(labels: list[Any]) -> DataLoader:
    """Images with these labels; None for an image without one."""
    samples = []
    for label in labels:
        sample = DataSample()
        if label is not None:
            sample.set_gt_label(label)
        samples.append({'inputs': torch.randn(3, 8, 8), 'data_samples': sample})

    def collate(batch: list[dict]) -> dict:
        return {
            'inputs': torch.stack([item['inputs'] for item in batch]),
            'data_samples': [item['data_samples'] for item in batch],
        }

    return DataLoader(samples, 2, collate_fn=collate)  # type: ignore[arg-type]


def test_labels_come_in_order() -> None:
    found = extract_features(tiny_moco(), loader([2, 0, 1]))
    assert found['labels'].tolist() == [2, 0, 1]
    assert found['backbone'].shape == (3, 32)


def test_images_without_labels_have_features_only() -> None:
    found = extract_features(tiny_moco(), loader([None, None, None]))
    assert sorted(found) == ['backbone', 'instance']


def test_single_unlabeled_images_get_minus_one() -> None:
    found = extract_features(tiny_moco(), loader([3, None, 1]))
    assert found['labels'].tolist() == [3, -1, 1]


def test_several_labels_per_image_are_refused() -> None:
    with pytest.raises(ValueError, match=r'2 labels \(\[0, 2\]\)'):
        extract_features(tiny_moco(), loader([[0, 2], [1]]))


def test_a_checkpoint_of_the_backbone_gives_backbone_features_only() -> None:
    model = tiny_moco()
    state = {k: v for k, v in model.state_dict().items() if k.startswith('backbone.')}
    keep_loaded_features(model, state, 'exported.pth')
    assert sorted(extract_features(model, loader([0, 1]))) == ['backbone', 'labels']


def test_a_whole_checkpoint_gives_all_features() -> None:
    model = tiny_moco()
    keep_loaded_features(model, model.state_dict(), 'epoch_1.pth')
    found = extract_features(model, loader([0, 1]))
    assert sorted(found) == ['backbone', 'instance', 'labels']


@pytest.mark.parametrize('broken', ['missing', 'shape'])
def test_a_backbone_that_was_not_loaded_is_an_error(broken: str) -> None:
    model = tiny_moco()
    state = dict(model.state_dict())
    if broken == 'missing':
        del state['backbone.conv1.weight']
    else:
        state['backbone.conv1.weight'] = torch.zeros(1)
    with pytest.raises(ValueError, match="1 of the backbone's weights"):
        keep_loaded_features(model, state, 'other.pth')
