"""Quick accuracies on a few labeled images, to follow a training run."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .functional.classifiers import make_classifier

LEAST = 20  # labeled images; fewer say nothing
NEIGHBORS = 10


def probe_accuracies(
    features: tuple[Tensor, Tensor], labels: Tensor
) -> dict[str, float]:
    """kNN and linear top-1 in percent; empty with too few labels or classes.

    A classifier of the first view of every second labeled image classifies the second
    view of the others.

    Args:
        features: of two views, ``(N, C)`` each.
        labels: ``(N,)``, -1 for an image without one.
    """
    known = torch.nonzero(labels >= 0).flatten()
    fit, test = known[::2], known[1::2]
    if len(known) < LEAST or len(labels[fit].unique()) < 2:
        return {}
    x, queries = features[0][fit].float(), features[1][test].float()
    if not (x.isfinite().all() and queries.isfinite().all()):
        return {}
    cosine = F.normalize(queries, dim=1) @ F.normalize(x, dim=1).t()
    near = cosine.topk(min(NEIGHBORS, len(fit)), dim=1).indices
    votes = F.one_hot(labels[fit][near]).sum(dim=1)
    knn = votes.argmax(dim=1) == labels[test]
    linear = make_classifier(max_iter=300, C=0.1)
    linear.fit(x.numpy(), labels[fit].numpy())
    right = linear.predict(queries.numpy()) == labels[test].numpy()
    return {
        'knn_top1': 100 * float(knn.float().mean()),
        'linear_top1': 100 * float(np.mean(right)),
    }
