"""``cldmm data``: what training would read from a folder or file."""

import argparse

HELP = 'show what images a folder or file holds, before training on it'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument('data', nargs='+', help='as in cldmm pretrain')
    parser.add_argument(
        '--sample', type=int, default=100, help='images to read (default: 100)'
    )


def run(args: argparse.Namespace) -> None:
    """Print numbers of images and classes, sizes, and files that cannot be read."""
    from collections import Counter

    import numpy as np

    import cld_mm.registry  # noqa: F401
    from cld_mm.datasets.image_source import build_image_dataset
    from cld_mm.datasets.stored_images import stored_image
    from cld_mm.registry import enter_scope

    enter_scope('cld_mm')
    dataset = build_image_dataset(args.data)
    number = len(dataset)
    print(f'images   {number}')
    classes = dataset.metainfo.get('classes')
    labels = Counter(
        dataset.get_data_info(i).get('gt_label', -1) for i in range(number)
    )
    labels.pop(-1, None)
    if classes and labels:
        largest, smallest = max(labels.values()), min(labels.values())
        print(f'classes  {len(labels)} (of {smallest} to {largest} images)')
    else:
        print('classes  none (labels are not needed for pre-training)')
    sizes, broken = [], []
    count = max(1, min(args.sample, number))
    for index in np.linspace(0, number - 1, count).round().astype(int):
        try:
            sizes.append(stored_image(dataset, int(index)).shape[:2][::-1])
        except OSError as error:
            broken.append(str(error))
    if sizes:
        width, height = (sorted(side) for side in zip(*sizes, strict=True))
        middle = len(sizes) // 2
        print(
            f'size     {width[middle]}×{height[middle]} in the middle, '
            f'{width[0]}×{height[0]} to {width[-1]}×{height[-1]} (of {len(sizes)} read)'
        )
    for text in broken[:5]:
        print(f'broken   {text}')
    if broken:
        print(f'{len(broken)} of {count} images could not be read.')
