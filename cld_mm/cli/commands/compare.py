"""``cldmm compare``: did pre-training help? Two networks on few and many labels."""

import argparse
from pathlib import Path

from cld_mm.cli.arguments import positive

from .embed import add_loading, add_model, load_model

HELP = 'compare a trained backbone with a random or another one by linear probes'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_model(parser)
    parser.add_argument('data', nargs='?', help="images (default: the run's own)")
    parser.add_argument(
        '--against',
        default='random',
        metavar='random|WEIGHTS',
        help='the same network with random weights, or with these (default: random)',
    )
    parser.add_argument(
        '--labels', type=Path, help='CSV file with file and label (default: folders)'
    )
    parser.add_argument(
        '--draws', type=positive, default=5, help='random label choices'
    )
    parser.add_argument('--out', type=Path, help='CSV file for the table')
    parser.add_argument('--seed', type=int, default=0)
    add_loading(parser)


def run(args: argparse.Namespace) -> None:
    """Embed with both networks, print the differences."""
    from cld_mm.apis import compare, embed
    from cld_mm.apis.embed_images import model_inputs
    from cld_mm.apis.encoder import same_network

    if args.labels is not None and not args.labels.is_file():
        raise FileNotFoundError(f'the label file {args.labels} does not exist.')
    data = args.data or training_data(args)
    other = Path(args.against)
    if args.against != 'random' and not other.exists():
        raise FileNotFoundError(f'the weights {other} do not exist.')
    model = load_model(args)
    second = same_network(model, None if args.against == 'random' else other)
    images = model_inputs(model, data)  # the same for both
    result = compare(
        embed(model, images, args.batch_size, args.workers),
        embed(second, images, args.batch_size, args.workers),
        args.labels,
        draws=args.draws,
        names=('trained', args.against),
        seed=args.seed,
    )
    print(f'Linear top-1 on {result.num_images} labeled images:\n{result}')
    if args.out is not None:
        result.save(args.out)
        print(f'Table: {args.out}')


def training_data(args: argparse.Namespace) -> str:
    """The images that a run was trained on, by its config.

    Raises:
        ValueError: the config does not name one folder or file.
    """
    from cld_mm.apis.runs import find_checkpoint
    from cld_mm.converters.saved_config import stored_config
    from cld_mm.fileio.checkpoint_loading import load_safely

    checkpoint = find_checkpoint(args.checkpoint)
    config = stored_config(load_safely(checkpoint, mmap=True))
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    data = dataset.get('data') or dataset.get('data_root')
    if isinstance(data, (list, tuple)) and len(data) == 1:
        data = data[0]
    if not isinstance(data, str) or not Path(data).exists():
        raise ValueError(f'{checkpoint} does not say which images: give DATA.')
    return data
