"""What is in a group: ``python tools/visualization/groups.py CONFIG CHECKPOINT``.

k-means groups of the sample, one row of images each, from most to least central.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import viewer_parser
from cld_mm.cli.command_line import command_line


def main() -> None:
    parser = viewer_parser('Draw what is in each group.', 'groups.png')
    parser.add_argument('--groups', type=int, default=12, help='K')
    parser.add_argument('--members', type=int, default=12, help='images per group')
    parser.add_argument('--side', type=int, default=64, help='pixels of an image')
    args = parser.parse_args()
    with command_line(args.debug):
        import torch

        from cld_mm.cli.picture_tools import sample_of, unit_features
        from cld_mm.evaluation import group_features
        from cld_mm.visualization import group_members, plot_rows

        cfg, sample = sample_of(args)
        features = unit_features(args, cfg, sample, args.checkpoint)
        labels = group_features(features, args.groups)
        members = group_members(features.numpy(), labels.numpy(), args.members)
        counts = torch.bincount(labels)
        plot_rows(
            [[sample.image(i, args.side) for i in row] for row in members.values()],
            [f'group {g + 1}\n{int(counts[g])} images' for g in members],
            args.out,
            f'{len(members)} groups of {len(features)} images, each from the most '
            'central (left) to the least',
        )
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
