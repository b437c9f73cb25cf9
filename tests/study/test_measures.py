"""kNN over several k, the linear classifier, and moved images."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from cld_mm.augmentation.moved_images import moved_images
from cld_mm.evaluation import knn_classify, top_k_accuracy
from cld_mm.evaluation.functional.knn_grid import knn_grid
from cld_mm.study.measures import fit_logistic, measure_features


@pytest.mark.parametrize(('train', 'test'), [(40, 7), (700, 300)])
def test_the_grid_is_knn_classify_for_each_k(train: int, test: int) -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(train, 5), torch.randint(0, 4, (train,))
    queries, truth = torch.randn(test, 5), torch.randint(0, 4, (test,))
    found = knn_grid(features, labels, queries, truth, (1, 5, 20, 1000), 0.1)
    assert list(found) == [1, 5, 20, train]
    for k, top1 in found.items():
        scores = knn_classify(features, labels, queries, k, 0.1)
        assert top1 == pytest.approx(top_k_accuracy(scores, truth, k=(1,))[0])


def test_logistic_regression_is_scikit_learns_at_the_chosen_strength() -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (300,))
    features = torch.randn(300, 4) + 2 * torch.eye(3, 4)[labels]
    fit = fit_logistic(features, labels, strengths=(0.1, 1.0))
    mean = features.mean(0)
    scaled = (features - mean) / (features - mean).std()
    oracle = LogisticRegression(C=fit.strength, max_iter=1000).fit(scaled, labels)
    expected = 100 * oracle.score(scaled, labels)
    assert fit.accuracy(features, labels) == pytest.approx(expected, abs=0.4)
    assert fit.accuracy(features, labels) > 75


def test_measures_name_the_best_k() -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (100,))
    part = {'backbone': torch.randn(100, 3) + 3 * labels[:, None], 'labels': labels}
    found = measure_features(part, part, (1, 50), 0.1)
    assert found['knn_backbone']['1'] == 100  # each image is its own neighbor
    assert (found['knn_backbone_best'], found['knn_backbone_best_k']) == (100, 1)
    assert found['linear'] > 90


def test_images_that_are_not_moved_stay_as_they_are() -> None:
    images = torch.randint(0, 256, (3, 1, 9, 9), dtype=torch.uint8)
    assert torch.equal(moved_images(images, 0, 0, (1, 1)), images)


def test_a_shift_moves_whole_pixels_and_fills_with_black() -> None:
    image = torch.zeros(200, 1, 15, 15, dtype=torch.uint8)
    image[:, :, 7, 7] = 200
    moved = moved_images(image, shift=3, degrees=0, scale=(1, 1)).float()
    mass = moved.sum((1, 2, 3))
    torch.testing.assert_close(mass, torch.full_like(mass, 200.0), atol=3, rtol=0)
    place = torch.arange(15.0)
    column = (moved.sum(2)[:, 0] * place).sum(1) / mass
    assert (column - 7).abs().max() <= 3.05
    assert (column - 7).std() > 1
    assert torch.equal(moved_images(image, seed=4), moved_images(image, seed=4))
