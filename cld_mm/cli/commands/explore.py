"""``cldmm explore``: groups, duplicates, outliers and a map of your images."""

import argparse
from pathlib import Path

from cld_mm.cli.arguments import natural, positive

from .embed import add_loading, embed_data

HELP = 'write a page and tables about images: groups, duplicates, outliers, a map'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        'source', help="a run's folder or checkpoint; or a file of cldmm embed"
    )
    parser.add_argument('data', nargs='?', help='images, where source is a checkpoint')
    parser.add_argument(
        '--out', type=Path, default=Path('explored'), help='folder (default: explored)'
    )
    parser.add_argument(
        '--select',
        type=positive,
        default=100,
        help='images to label first (default: 100)',
    )
    parser.add_argument(
        '--outliers', type=natural, default=100, help='how many to list'
    )
    parser.add_argument(
        '--groups',
        type=positive,
        nargs='+',
        help='numbers of groups (default: 8 32 128)',
    )
    parser.add_argument(
        '--duplicates', type=float, default=0.98, help='smallest cosine (default: 0.98)'
    )
    parser.add_argument(
        '--map', choices=('auto', 'umap', 'tsne', 'pca'), default='auto'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--config', type=Path, help="the run's config, if needed")
    add_loading(parser)


def run(args: argparse.Namespace) -> None:
    """Embed if need be, and explore."""
    from cld_mm.apis import Embeddings, explore
    from cld_mm.apis.embeddings import SUFFIXES

    source = Path(args.source)
    if source.suffix in SUFFIXES:
        embeddings = Embeddings.load(source)
    elif args.data is None:
        raise ValueError(
            f'the images are missing: cldmm explore {source} DATA; or give embeddings, '
            f'a file of {", ".join(SUFFIXES)}, instead of {source}.'
        )
    else:
        args.checkpoint = args.source
        embeddings = embed_data(args, args.data)
    found = explore(
        embeddings,
        args.out,
        args.select,
        args.outliers,
        args.groups,
        args.duplicates,
        args.map,
        seed=args.seed,
    )
    levels = sorted({group.level for group in found.groups})
    print(
        f'{len(found.files)} images: {len(levels)} level(s) of groups, '
        f'{len(found.duplicates)} set(s) of near-duplicates, '
        f'a map by {found.map_method}.\n'
        f'Open {found.page} in a browser; tables are beside it as CSV files.'
    )
