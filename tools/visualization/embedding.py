"""Features in the plane: ``python tools/visualization/embedding.py CONFIG CHECKPOINT``.

t-SNE, UMAP (with umap-learn installed) or principal components, coloured by class or by
k-means group; the places also as JSON beside the picture.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm.registry  # noqa: F401, I001

from cld_mm.cli.command_line import command_line
from cld_mm.cli.picture_tools import sample_and_features, viewer_parser
from cld_mm.evaluation import group_features
from cld_mm.visualization import METHODS, embed, plot_embedding

TITLES = {'tsne': 't-SNE', 'umap': 'UMAP', 'pca': 'Principal components'}


def main() -> None:
    parser = viewer_parser('Draw features in the plane.', 'embedding.png')
    parser.add_argument('--method', choices=METHODS, default='tsne')
    parser.add_argument('--colour', choices=['class', 'group'], default='class')
    parser.add_argument('--groups', type=int, default=10, help='K, for groups')
    args = parser.parse_args()
    with command_line(args.debug):
        sample, features = sample_and_features(args)
        labels, names = sample.labels, sample.names
        if args.colour == 'group':
            labels = group_features(features, args.groups).numpy()
            names = [f'group {g + 1}' for g in range(args.groups)]
        places = embed(features.numpy(), args.method)
        title = f'{TITLES[args.method]} of {len(places)} images, {args.feature} feature'
        plot_embedding(places, labels, names, args.out, title)
        args.out.with_suffix('.json').write_text(
            json.dumps({'places': places.tolist(), 'labels': labels.tolist()}) + '\n'
        )
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
