"""Nearest images: ``python tools/visualization/neighbours.py CONFIG CHECKPOINT``.

The first image of each class and its nearest others of the sample, by the network
before training and by the checkpoint.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm.registry  # noqa: F401, I001

import numpy as np

from cld_mm.cli.command_line import command_line
from cld_mm.apis.inference import neighbours
from cld_mm.cli.picture_tools import sample_and_features, viewer_parser
from cld_mm.visualization import plot_neighbours


def main() -> None:
    parser = viewer_parser('Draw nearest neighbours.', 'neighbours.png')
    parser.add_argument('--number', type=int, default=6, help='neighbours a query')
    parser.add_argument('--side', type=int, default=64, help='pixels of an image')
    args = parser.parse_args()
    with command_line(args.debug):
        sample, after = sample_and_features(args)
        before = sample.features(None)[args.feature].cpu()
        queries = [
            int(np.flatnonzero(sample.labels == c)[0])
            for c in np.unique(sample.labels)[:12]
        ]
        sides, shares = [], []
        for features in (before, after):
            every = neighbours(features, range(len(features)), args.number)
            right = sample.labels[every] == sample.labels[:, None]
            images = [[sample.image(i, args.side) for i in every[q]] for q in queries]
            sides.append((np.array(images), right[queries]))
            shares.append(float(right.mean()))
        plot_neighbours(
            np.array([sample.image(query, args.side) for query in queries]),
            [sample.names[sample.labels[query]] for query in queries],
            sides[0],
            sides[1],
            args.out,
            (shares[0], shares[1]),
        )
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
