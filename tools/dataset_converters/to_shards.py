"""Make tar shards: ``python tools/dataset_converters/to_shards.py CONFIG --out NEW``.

From the training images of a config or from ``--folder``. ``--verify`` compares shards
with their index, ``--index`` writes one for shards made elsewhere.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Make tar shards of a dataset.')
    parser.add_argument('config', nargs='?', help='its train_dataloader.dataset')
    parser.add_argument('--folder', help='of images, or of a folder of them a class')
    parser.add_argument('--out', type=Path, required=True, help='folder of the shards')
    parser.add_argument('--shard-size', type=float, default=256, help='MB')
    parser.add_argument('--seed', type=int, default=0, help='of the order')
    parser.add_argument('--verify', action='store_true', help='compare digests')
    parser.add_argument('--index', action='store_true', help='write index.json only')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

from mmengine.config import Config
from mmengine.dataset import BaseDataset, Compose
from mmengine.registry import DefaultScope

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.datasets.preparation.shard_writer import write_shards
from cld_mm.datasets.shard_index import IMAGES, INDEX, scan_shard, verify, write_index
from cld_mm.registry import DATASETS


def source(args: argparse.Namespace) -> BaseDataset:
    """The dataset to write, without its pipeline."""
    if (args.config is None) == (args.folder is None):
        raise ValueError('give either a config or --folder, not both or neither.')
    if args.folder is not None:
        folder = Path(args.folder)
        if not folder.is_dir():
            raise FileNotFoundError(f'--folder {folder} is no folder: fix the path.')
        # A class a folder, unless there are images beside the folders; other files (a
        # README, what a file browser leaves) change nothing.
        seen = [e for e in folder.iterdir() if not e.name.startswith('.')]
        beside = [e for e in seen if not e.is_dir() and e.suffix[1:].lower() in IMAGES]
        labeled = not beside and any(e.is_dir() for e in seen)
        kind = {'type': 'ImageFolder', 'with_label': labeled}
        dataset = DATASETS.build({**kind, 'data_root': args.folder})
    else:
        dataset = DATASETS.build(Config.fromfile(args.config).train_dataloader.dataset)
    dataset.pipeline = Compose([])
    return dataset


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        if args.verify:
            print(f'{verify(args.out)} shards in {args.out} are what the index says.')
            return
        if args.index:
            files = sorted(args.out.glob('*.tar'))
            if not files or (args.out / INDEX).exists():
                raise ValueError(
                    f'{args.out} has no shards, or an {INDEX} already: fix the path, '
                    'or remove the index.'
                )
            write_index(args.out, [scan_shard(f, digest=True) for f in files], None)
            print(f'{args.out / INDEX} lists {len(files)} shards.')
            return
        if not 0 < args.shard_size < float('inf'):
            raise ValueError(
                f'--shard-size is {args.shard_size}: give the megabytes of a shard.'
            )
        if args.seed < 0:
            raise ValueError(f'--seed is {args.seed}: give a whole number from 0 on.')
        DefaultScope.get_instance('to_shards', scope_name='cld_mm')
        dataset = source(args)
        count = write_shards(dataset, args.out, int(args.shard_size * 1e6), args.seed)
        labels = 'with' if 'gt_label' in dataset.get_data_info(0) else 'without'
        print(
            f'{len(dataset)} images {labels} labels in {count} shards and {INDEX} in '
            f'{args.out}.'
        )


if __name__ == '__main__':
    main()
