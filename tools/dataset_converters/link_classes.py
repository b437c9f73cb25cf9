"""Link some classes of ImageNet into a tree of their own, without copying.

``python tools/dataset_converters/link_classes.py data/ImageNet LIST data/ImageNet-100``
makes ``{train,val}/<class id>`` as links. Configs need no such tree (ImageNetSubset
reads ImageNet's folder); other tools may.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Link classes into a tree.')
    parser.add_argument('source', type=Path, help="ImageNet's folder")
    parser.add_argument('list', help='text file of class ids')
    parser.add_argument('target', type=Path, help='new folder')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.datasets.imagenet_subset import read_class_ids


def link(source: Path, class_ids: list[str], target: Path) -> int:
    """Link every class folder; how many links there are now."""
    links = 0
    for split in ('train', 'val'):
        for name in class_ids:
            folder = (source / split / name).absolute()
            if not folder.is_dir():
                raise FileNotFoundError(f'{folder} does not exist: fix the list.')
            place = target / split / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_symlink():
                place.symlink_to(folder, target_is_directory=True)
            links += 1
    return links


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        count = link(args.source, read_class_ids(args.list), args.target)
        print(f'{count} class folders linked in {args.target}.')


if __name__ == '__main__':
    main()
