"""Nearest images: ``python tools/visualization/neighbors.py CONFIG CHECKPOINT``.

The first image of each class (or spread images, where they are unlabeled) and the
nearest others of the sample, by a randomly initialized network and by the checkpoint.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import viewer_parser
from cld_mm.cli.command_line import command_line


def main() -> None:
    parser = viewer_parser('Draw nearest neighbors.', 'neighbors.png')
    parser.add_argument('--number', type=int, default=6, help='neighbors per query')
    parser.add_argument('--side', type=int, default=64, help='pixels of an image')
    args = parser.parse_args()
    with command_line(args.debug):
        import numpy as np

        from cld_mm.cli.picture_tools import sample_of, unit_features
        from cld_mm.evaluation.neighbors import choose_queries, nearest_neighbors
        from cld_mm.visualization import plot_neighbors

        cfg, sample = sample_of(args)
        labels = sample.labels
        queries = choose_queries(labels, len(sample), 12)
        shown, fractions = [], []
        for checkpoint in (None, args.checkpoint):
            features = unit_features(args, cfg, sample, checkpoint)
            found = nearest_neighbors(features, range(len(features)), args.number)
            rows = [[sample.image(i, args.side) for i in found[q]] for q in queries]
            right = None
            if labels is not None:
                hits = labels[found] == labels[:, None]
                right = hits[queries]
                fractions.append(float(hits.mean()))
            shown.append((np.array(rows), right))
        plot_neighbors(
            np.array([sample.image(query, args.side) for query in queries]),
            [sample.name(query) for query in queries],
            shown[0],
            shown[1],
            args.out,
            (fractions[0], fractions[1]) if fractions else None,
        )
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
