"""The views an augmentation makes: ``tools/visualization/browse_dataset.py CONFIG``.

Each row is an image as it is stored, and the views that training would see of it.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm.registry  # noqa: F401, I001

import numpy as np
from mmengine.config import Config

from cld_mm.cli.command_line import command_line
from cld_mm.apis.inference import enter_scope, stored_image
from cld_mm.cli.picture_tools import check_picture
from cld_mm.datasets.samplers.seeded_sampler import SeededIndex, mix_seed
from cld_mm.registry import DATASETS
from cld_mm.visualization import plot_rows


def main() -> None:
    parser = argparse.ArgumentParser(description='Draw augmented views.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('--images', type=int, default=6)
    parser.add_argument('--epochs', type=int, default=2, help='draws of each image')
    parser.add_argument('--seed', type=int, default=0, help='of the run')
    parser.add_argument('--out', type=Path, default=Path('views.png'))
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        check_picture(args.out)
        cfg = Config.fromfile(args.config)
        enter_scope(cfg)
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        to_rgb = bool((cfg.model.get('data_preprocessor') or {}).get('to_rgb'))
        number = min(args.images, len(dataset))
        rows, names, heads = [], [], ['stored']
        classes = dataset.metainfo.get('classes') or []
        for place in np.linspace(0, len(dataset) - 1, number).round().astype(int):
            row = [stored_image(dataset, int(place))]
            heads = heads[:1]
            for epoch in range(args.epochs):
                seed = mix_seed(args.seed, epoch, int(place))
                views = dataset[SeededIndex(int(place), seed)]['inputs']
                views = views if isinstance(views, list) else [views]
                heads += [f'epoch {epoch + 1}\nview {v + 1}' for v in range(len(views))]
                for view in views:
                    image = view.numpy().transpose(1, 2, 0).astype(np.uint8)
                    row.append(image[..., ::-1] if to_rgb else image)
            rows.append(row)
            label = dataset.get_data_info(int(place)).get('gt_label')
            known = label is not None and int(label) < len(classes)
            names.append(
                f'image {place}' + (f'\n{classes[int(label)]}' if known else '')
            )
        title = 'images as they are stored, and the views that training sees'
        plot_rows(rows, names, args.out, title, heads)
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
