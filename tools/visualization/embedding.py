"""Features in 2D: ``python tools/visualization/embedding.py CONFIG CHECKPOINT``.

t-SNE, UMAP (with umap-learn installed) or principal components, colored by class or by
k-means group; the coordinates also as JSON beside the picture.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import viewer_parser
from cld_mm.cli.command_line import command_line

TITLES = {'tsne': 't-SNE', 'umap': 'UMAP', 'pca': 'Principal components'}


def main() -> None:
    parser = viewer_parser('Draw features in 2D.', 'embedding.png')
    parser.add_argument('--method', choices=list(TITLES), default='tsne')
    parser.add_argument(
        '--color',
        choices=['class', 'group'],
        help='default: class, or group where images are unlabeled',
    )
    parser.add_argument('--groups', type=int, default=10, help='K, for groups')
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.cli.picture_tools import sample_of, unit_features
        from cld_mm.evaluation import group_features
        from cld_mm.visualization import plot_embedding, project

        cfg, sample = sample_of(args)
        if args.color == 'class' and sample.labels is None:
            raise ValueError('--color class: the images have no labels; use group.')
        features = unit_features(args, cfg, sample, args.checkpoint)
        labels, names = sample.labels, sample.classes
        if labels is None or args.color == 'group':
            labels = group_features(features, args.groups).numpy()
            names = [f'group {g + 1}' for g in range(args.groups)]
        points = project(features.numpy(), args.method)
        title = f'{TITLES[args.method]} of {len(points)} images, {args.feature} feature'
        plot_embedding(points, labels, names, args.out, title)
        args.out.with_suffix('.json').write_text(
            json.dumps({'points': points.tolist(), 'labels': labels.tolist()}) + '\n'
        )
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
