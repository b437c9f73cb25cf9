"""The views an augmentation makes: ``tools/visualization/browse_dataset.py CONFIG``.

Each row is an image as it is stored, and the views that training would see of it.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import add_cfg_options
from cld_mm.cli.command_line import command_line


def training_views(dataset: Any, index: int, preprocessor: Any) -> list[Any]:
    """The views that the model would see of an image, ``(H, W, C)`` bytes each."""
    from cld_mm.datasets.transforms import collate_views

    sample = dataset[index]
    batch = sample if 'crop_size' in sample else collate_views([sample])
    views = preprocessor(batch, training=True)['inputs']
    mean, std = getattr(preprocessor, 'mean', 0), getattr(preprocessor, 'std', 1)
    images = []
    for view in views if isinstance(views, list) else [views]:
        image = (view * std + mean)[0].clamp(0, 255).byte().permute(1, 2, 0).numpy()
        images.append(image if image.shape[2] in (1, 3) else image[..., :3])
    return images


def main() -> None:
    parser = argparse.ArgumentParser(description='Draw augmented views.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('--images', type=int, default=6)
    parser.add_argument('--epochs', type=int, default=2, help='draws of each image')
    parser.add_argument('--seed', type=int, default=0, help='of the run')
    parser.add_argument('--out', type=Path, default=Path('views.png'))
    add_cfg_options(parser)
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        import numpy as np

        from cld_mm.cli.picture_tools import check_picture
        from cld_mm.config.command_line_overrides import merge_options
        from cld_mm.config.read_config import read_config
        from cld_mm.datasets.samplers.seeded_sampler import SeededIndex, mix_seed
        from cld_mm.datasets.stored_images import stored_image
        from cld_mm.registry import DATASETS, MODELS, enter_scope
        from cld_mm.visualization import plot_rows

        check_picture(args.out)
        cfg = read_config(args.config)
        merge_options(cfg, args.cfg_options)
        enter_scope(cfg.get('default_scope'))
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        # CrossLevel wraps the algorithm whose preprocessor it uses.
        model = cfg.model.get('algorithm', cfg.model)
        settings = model.get('data_preprocessor') or {}
        preprocessor = MODELS.build({'type': 'SelfSupDataPreprocessor', **settings})
        number = min(args.images, len(dataset))
        rows, names, heads = [], [], ['stored']
        classes = dataset.metainfo.get('classes') or []
        for index in np.linspace(0, len(dataset) - 1, number).round().astype(int):
            row = [stored_image(dataset, int(index))]
            heads = heads[:1]
            for epoch in range(args.epochs):
                seed = mix_seed(args.seed, epoch, int(index))
                seeded = SeededIndex(int(index), seed)
                views = training_views(dataset, seeded, preprocessor)
                heads += [f'epoch {epoch + 1}\nview {v + 1}' for v in range(len(views))]
                row += views
            rows.append(row)
            label = dataset.get_data_info(int(index)).get('gt_label')
            known = label is not None and int(label) < len(classes)
            names.append(
                f'image {index}' + (f'\n{classes[int(label)]}' if known else '')
            )
        title = 'images as they are stored, and the views that training sees'
        plot_rows(rows, names, args.out, title, heads)
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
