"""What makes two images similar: ``similarity.py CONFIG CHECKPOINT --pair 0 7``.

The contribution of each position to the cosine between the pooled features of two
images of the sample, or of two image files (``--files ONE TWO``).
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import viewer_parser
from cld_mm.cli.command_line import command_line
from cld_mm.cli.run_tool import load_config

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config
    from torch import Tensor


def from_files(cfg: 'Config', files: list[Path]) -> tuple[list[Any], list[str]]:
    """Two image files in the test transform, and their names."""
    from mmengine.dataset import Compose

    from cld_mm.evaluation.test_data import test_transform
    from cld_mm.registry import enter_scope

    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f'--files: {" and ".join(missing)} do not exist.')
    enter_scope(cfg.get('default_scope'))
    steps = test_transform(cfg)
    if not any('load' in str(step['type']).lower() for step in steps):
        raise ValueError(
            '--files: this config reads images from arrays, not from files; choose two '
            'images of its sample with --pair.'
        )
    transform = Compose(steps)
    items = [
        transform({'img_path': str(file), 'sample_idx': index})
        for index, file in enumerate(files)
    ]
    return items, [file.name for file in files]


def from_sample(
    cfg: 'Config', number: int, pair: list[int]
) -> tuple[list[Any], list[str]]:
    """Two images of the sample, and their names."""
    from cld_mm.evaluation.image_sample import take_sample

    sample = take_sample(cfg, number)
    if not 0 <= min(pair) <= max(pair) < len(sample):
        raise ValueError(
            f'--pair {pair[0]} {pair[1]}: the sample has images 0 to {len(sample) - 1}.'
        )
    names = [f'image {index}: {sample.name(index)}' for index in pair]
    return [sample.dataset[sample.indices[index]] for index in pair], names


def feature_map(model: Any, item: dict) -> 'Tensor':
    """The backbone's last map ``(C, H, W)`` of an image."""
    batch = {'inputs': item['inputs'][None], 'data_samples': [item['data_samples']]}
    inputs = model.data_preprocessor(batch, False)['inputs']
    found = model.backbone(inputs)[-1]
    if found.ndim != 4:
        raise ValueError('this backbone gives no feature map, but pooled features.')
    if not found.isfinite().all():
        raise ValueError('the features are not finite: choose an earlier checkpoint.')
    return found[0].float().cpu()


def network_input(cfg: 'Config', item: dict) -> 'np.ndarray':
    """The image as the network sees it, in RGB."""
    import numpy as np

    image = item['inputs'].numpy().transpose(1, 2, 0)
    image = np.clip(image, 0, 255).astype(np.uint8)
    to_rgb = bool((cfg.model.get('data_preprocessor') or {}).get('to_rgb'))
    return image[..., ::-1] if to_rgb else image


def draw(args: argparse.Namespace) -> None:
    """Draw the picture and print the cosine."""
    import torch

    from cld_mm.apis.inference import build_model
    from cld_mm.cli.picture_tools import check_paths
    from cld_mm.cli.results_json import write_results
    from cld_mm.visualization import plot_similarity, similarity_maps

    check_paths(args)
    cfg = load_config(args)
    if args.files:
        items, names = from_files(cfg, args.files)
    else:
        items, names = from_sample(cfg, args.images, args.pair)
    model = build_model(cfg, args.checkpoint)
    with torch.no_grad():
        maps = [feature_map(model, item) for item in items]
        one, two, cosine = similarity_maps(*maps)
    images = (network_input(cfg, items[0]), network_input(cfg, items[1]))
    plot_similarity(images, (one, two), cosine, args.out, (names[0], names[1]))
    print(f'cosine {cosine:.4f}\npicture {args.out}')
    found = {'images': names, 'cosine': cosine}
    write_results(found, args.out.with_suffix('.json'), args.out.parent)


def main() -> None:
    parser = viewer_parser('Draw what makes two images similar.', 'similarity.png')
    parser.add_argument('--pair', type=int, nargs=2, default=[0, 1], metavar='INDEX')
    parser.add_argument(
        '--files', type=Path, nargs=2, metavar='FILE', help='two image files instead'
    )
    args = parser.parse_args()
    with command_line(args.debug):
        draw(args)


if __name__ == '__main__':
    main()
