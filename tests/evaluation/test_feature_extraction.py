"""Features of a dataset, with labels or without, and of partly loaded networks."""

from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader

from cld_mm.evaluation import feature_extraction
from cld_mm.evaluation.feature_extraction import extract_features
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


def test_features_of_parts_that_were_not_loaded_are_left_out() -> None:
    model = tiny_moco()
    model.random_parts = ['neck']  # type: ignore[assignment]
    assert sorted(extract_features(model, loader([0, 1]))) == ['backbone', 'labels']


@pytest.mark.parametrize(('labels', 'warned'), [([4, 4, 4], True), ([4, 4, 5], False)])
def test_images_of_one_class_are_no_test(
    labels: list[int], warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        feature_extraction, 'print_log', lambda text, *_, **__: said.append(text)
    )
    extract_features(tiny_moco(), loader(labels))
    assert ('all 3 images are of one class' in ''.join(said)) == warned
