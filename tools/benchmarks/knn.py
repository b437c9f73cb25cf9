"""kNN against scikit-learn's brute force and faiss-cpu's flat index, same vote.

``python tools/benchmarks/knn.py``: the sides take turns in one run; medians; the last
line is JSON. A library that is not installed is left out and its ratio is null.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least
from tools.benchmarks.timing import ratio, spread, take_turns, timed


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time kNN.')
    parser.add_argument('--train', type=at_least(1), default=60000)
    parser.add_argument('--test', type=at_least(1), default=10000)
    parser.add_argument('--channels', type=at_least(1), default=512)
    parser.add_argument('--k', type=at_least(1), default=200)
    parser.add_argument('--repeats', type=at_least(2), default=3)
    parser.add_argument('--threads', type=at_least(1), help="default: torch's")
    args = parser.parse_args()
    if args.k > args.train:
        parser.error(f'--k is {args.k}, but --train {args.train}: lower k.')
    return args


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import numpy as np
import torch
from torch.nn import functional as F
from cld_mm.evaluation import knn_classify


CLASSES, TEMPERATURE = 10, 0.1


def vote(similarity: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The weighted vote on neighbors that another library found."""
    weights = np.exp((similarity - similarity.max(1, keepdims=True)) / TEMPERATURE)
    scores = np.zeros((len(rows), CLASSES), np.float32)
    for column in range(CLASSES):
        scores[:, column] = (weights * (labels[rows] == column)).sum(1)
    return scores


def main() -> None:
    args = parse_args()
    args.threads = args.threads or torch.get_num_threads()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    centers = torch.randn(CLASSES, args.channels)
    labels = torch.randint(CLASSES, (args.train,))
    truth = torch.randint(CLASSES, (args.test,))
    train, test = (
        F.normalize(centers[y] * 0.3 + torch.randn(len(y), args.channels), dim=1)
        for y in (labels, truth)
    )
    x, y, q = train.numpy(), labels.numpy(), test.numpy()

    sides: dict[str, Callable[[], np.ndarray]] = {
        'cld_mm': lambda: knn_classify(
            train, labels, test, args.k, TEMPERATURE, CLASSES
        ).numpy()
    }
    try:
        from sklearn.neighbors import NearestNeighbors

        def sklearn_knn() -> np.ndarray:
            search = NearestNeighbors(
                n_neighbors=args.k, metric='cosine', algorithm='brute'
            )
            distances, rows = search.fit(x).kneighbors(q)
            return vote(1 - distances, rows, y)

        sides['sklearn'] = sklearn_knn
    except ImportError:
        print('scikit-learn is not installed: left out')
    try:
        import faiss

        faiss.omp_set_num_threads(args.threads)

        def faiss_knn() -> np.ndarray:
            index = faiss.IndexFlatIP(args.channels)
            index.add(x)
            similarity, rows = index.search(q, args.k)
            return vote(similarity, rows, y)

        sides['faiss'] = faiss_knn
    except ImportError:
        print('faiss-cpu is not installed: left out')

    answers: dict[str, np.ndarray] = {}

    def answer(name: str) -> None:
        answers[name] = sides[name]().argmax(1)

    turns = {name: timed(partial(answer, name)) for name in sides}
    seconds = take_turns(turns, args.repeats, warm_up=0)
    print(
        f'{args.train} x {args.test} x {args.channels}, k {args.k}, '
        f'{args.threads} threads'
    )
    for name, times in seconds.items():
        same = float((answers[name] == answers['cld_mm']).mean())
        print(f'{name:8s} {spread(times)} s, same class for {100 * same:.2f} %')
    others = ('faiss', 'sklearn')
    print(
        json.dumps({f'speedup_over_{o}': ratio(seconds, o, 'cld_mm') for o in others})
    )


if __name__ == '__main__':
    main()
