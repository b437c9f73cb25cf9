"""What makes two images similar: ``similarity.py CONFIG CHECKPOINT --pair 0 7``.

The contribution of each position to the cosine between the pooled features of two
images of the sample, or of two image files (``--files ONE TWO``).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import viewer_parser
from cld_mm.cli.command_line import command_line


def main() -> None:
    parser = viewer_parser('Draw what makes two images similar.', 'similarity.png')
    parser.add_argument('--pair', type=int, nargs=2, default=[0, 1], metavar='INDEX')
    parser.add_argument(
        '--files', type=Path, nargs=2, metavar='FILE', help='two image files instead'
    )
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.cli.similarity import draw

        draw(args)


if __name__ == '__main__':
    main()
