"""Get a dataset ready: ``python tools/dataset_converters/prepare.py NAME``.

Downloads what may be downloaded, checks sums, unpacks; for the rest it says exactly
what to fetch by hand.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Get a dataset ready.')
    parser.add_argument(
        'name',
        choices=[
            'cifar10',
            'cifar100',
            'stl10',
            'fashion-mnist',
            'imagenet',
            'imagenet100',
            'kitchen-hc',
        ],
    )
    parser.add_argument('--data', default='data', help='folder of all datasets')
    parser.add_argument('--url', help='download from here instead (same sum)')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.datasets.preparation.archives import ARCHIVES, fetch_archive
from cld_mm.datasets.preparation.fashion_mnist import fetch
from cld_mm.datasets.preparation.imagenet import prepare_imagenet
from cld_mm.fileio.download import SourceError

KITCHEN = (
    '{root} has no folders train and test with a folder a class. Kitchen-HC is to be '
    'fetched by hand: its authors link a folder on Google Drive from '
    'https://github.com/frank-xwang/CLD-UnsupervisedLearning; unpack it into {root}.'
)


def prepare(name: str, data: Path, url: str | None) -> list[str]:
    """Prepare one dataset; sentences that say what was done."""
    if name in ARCHIVES:
        archive = ARCHIVES[name]
        if url is not None:
            archive = archive._replace(url=url)
        return [fetch_archive(archive, data)]
    if name == 'fashion-mnist':
        return [fetch(data / 'fashion-mnist', 'auto', *([url] if url else []))]
    if name == 'kitchen-hc':
        root = data / 'Kitchen-HC'
        if not all((root / part).is_dir() for part in ('train', 'test')):
            raise SourceError(KITCHEN.format(root=root))
        return [f'{root} is ready.']
    done = prepare_imagenet(data / 'ImageNet')
    if name == 'imagenet100':
        done.append(
            'ImageNet-100 needs no files of its own: put the published list of 100 '
            f'class ids at {data / "imagenet100.txt"}.'
        )
    return done


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        for sentence in prepare(args.name, Path(args.data), args.url):
            print(sentence)


if __name__ == '__main__':
    main()
