"""Top-k accuracy of class scores."""

from collections.abc import Sequence

from torch import Tensor

from .checks import check_features, check_labels


def top_k_accuracy(
    scores: Tensor,
    labels: Tensor,
    k: Sequence[int] = (1, 5),
    least: float = float('-inf'),
) -> list[float]:
    """Fraction of images whose class is among their k best scores, in percent.

    Args:
        scores: ``(M, num_classes)``.
        labels: ``(M,)``.
        k: ranks; more than the classes count as all of them.
        least: classes whose score is not above it are never right. 0 for kNN, where a
            class without a vote is no guess, as in mmpretrain's Accuracy.

    Raises:
        ValueError: scores are not finite, there is none, or sizes do not fit.
    """
    check_features(scores, 'class scores')
    check_labels(labels, len(scores))
    values, best = scores.topk(min(max(k), scores.shape[1]), dim=1)
    hits = (best == labels[:, None]) & (values > least)
    return [100 * float(hits[:, :n].any(dim=1).float().mean()) for n in k]
