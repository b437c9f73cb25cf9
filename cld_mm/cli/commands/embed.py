"""``cldmm embed``: features of images in one file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cld_mm.cli.arguments import natural, positive

if TYPE_CHECKING:
    from cld_mm.apis import Embeddings, Encoder

HELP = 'write the features of images, with file names and labels'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_model(parser)
    parser.add_argument('data', help='folder of images, list or CSV file, ...')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('embeddings.npz'),
        help='.npz, .csv or .parquet (default: embeddings.npz)',
    )
    add_loading(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """The trained backbone of a command."""
    parser.add_argument('checkpoint', help="a run's folder or checkpoint")
    parser.add_argument(
        '--config', type=Path, help="the run's config, if the checkpoint lacks it"
    )


def add_loading(parser: argparse.ArgumentParser) -> None:
    """How images are read."""
    parser.add_argument(
        '--size', type=positive, help='side of the images; as in training'
    )
    parser.add_argument('--batch-size', type=positive, default=64)
    parser.add_argument('--workers', type=natural, help='loader processes')


def run(args: argparse.Namespace) -> None:
    """Embed and save."""
    from cld_mm.apis.embeddings import check_suffix

    check_suffix(args.out)
    found = embed_data(args, args.data)
    found.save(args.out)
    labels = '' if found.labels is None else ', with labels'
    print(
        f'{args.out}: {len(found)} images, {found.features.shape[1]} features each'
        f'{labels}.'
    )


def embed_data(args: argparse.Namespace, data: str) -> 'Embeddings':
    """Embeddings of the images by the command's model."""
    from cld_mm.apis import embed

    return embed(load_model(args), data, args.batch_size, args.workers)


def load_model(args: argparse.Namespace) -> 'Encoder':
    """The command's model."""
    from cld_mm.apis import init_model

    if args.config is None:
        return init_model(args.checkpoint, size=args.size)
    return init_model(args.config, args.checkpoint, args.size)
