"""Quick accuracies on a few labeled images."""

import pytest
import torch

from cld_mm.evaluation.labeled_probe import probe_accuracies

LABELS = torch.arange(80) // 20


def views(signal: float) -> tuple[torch.Tensor, torch.Tensor]:
    one, two = (
        signal * torch.eye(4, 8)[LABELS]
        + torch.randn(80, 8, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 1)
    )
    return one, two


def test_clear_classes_are_recognized() -> None:
    found = probe_accuracies(views(9), LABELS)
    assert found == {'knn_top1': 100.0, 'linear_top1': 100.0}


def test_noise_is_near_chance() -> None:
    found = probe_accuracies(views(0), LABELS)
    assert max(found.values()) < 60


def test_unlabeled_images_are_not_used() -> None:
    labels = LABELS.clone()
    labels[::4] = -1
    one, two = views(9)
    one[::4] = two[::4] = torch.nan
    assert probe_accuracies((one, two), labels)['linear_top1'] == 100.0


@pytest.mark.parametrize(
    'labels',
    [
        torch.full((80,), -1),
        torch.zeros(80, dtype=torch.long),
        torch.where(torch.arange(80) < 10, LABELS, -1),
    ],
)
def test_too_few_labels_give_no_accuracy(labels: torch.Tensor) -> None:
    assert probe_accuracies(views(9), labels) == {}
