"""A confusion matrix of kNN: ``confusion_matrix.py CONFIG CHECKPOINT``.

Each test image is classified by its nearest training images of the config's evaluation.
The counts are also written as JSON beside the picture.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import add_data_flags, viewer_parser
from cld_mm.cli.command_line import command_line


def main() -> None:
    parser = viewer_parser('Draw a confusion matrix.', None)
    add_data_flags(parser)
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.cli.confusion import draw
        from cld_mm.cli.frozen_backbone import run_frozen

    run_frozen(args, draw)


if __name__ == '__main__':
    main()
