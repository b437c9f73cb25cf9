"""Images a second and core through the three-view MoCo v2 pipeline, three ways.

``python tools/benchmarks/loader.py``: from JPEGs of ImageNet's size, which it makes, to
uint8 views of 224 pixels; CPU time of one process and thread; all sides
take turns in one run; medians of the ratios of neighboring rounds, with quartiles; the
last line is JSON. Sides:

- torchvision: its transforms on PIL images, and PIL's Gaussian blur;
- mmpretrain: its own transforms, as in its MoCo v2 config with the recipe's crop; its
  hue jitter, which fails under numpy 2, is fixed here;
- ours: ``imagenet_b224.py`` with three views, as an ImageFolder loads them: large JPEGs
  are decoded at a part of their size where the smallest crop allows;
- device: the same with ``on_device=True``: the worker's part alone. What is left to
  the device is timed on this machine's and printed, not counted;
- whole: ours with ``LoadImage(smallest_crop=None)``, which decodes all pixels.

Then the wait for the first batch of an epoch, with two workers that are kept or not.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least
from tools.benchmarks.timing import ratio, spread, take_turns


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time the loading of images.')
    parser.add_argument('--images', type=at_least(4), default=64)
    parser.add_argument(
        '--pixels',
        type=at_least(1),
        nargs=2,
        default=[500, 375],
        help='width and height',
    )
    parser.add_argument('--repeats', type=at_least(2), default=9)
    parser.add_argument('--workers', type=at_least(1), default=2)
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import cv2
import mmcv
import mmpretrain.datasets  # noqa: F401
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image, ImageFilter
from torchvision import transforms
from cld_mm.datasets.loading_settings import smallest_crop
from cld_mm.datasets.samplers.seeded_sampler import SeededIndex, mix_seed
from cld_mm.datasets.transforms import collate_views
from cld_mm.registry import MODELS


ROOT = Path(__file__).resolve().parents[2]
JITTER = {'brightness': 0.4, 'contrast': 0.4, 'saturation': 0.4, 'hue': 0.1}


def make_images(folder: Path, count: int, width: int, height: int) -> list[str]:
    """Write JPEGs with a photo's spectrum, about 110 kB each at 500×375."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    paths = []
    for place in range(count):
        spectrum = np.fft.rfft2(rng.standard_normal((4, height, width)))
        spectrum /= frequency
        noise = np.fft.irfft2(spectrum, s=(height, width))
        noise /= noise.std(axis=(1, 2), keepdims=True)
        pixels = 120 + 60 * noise[0] + 15 * noise[1:]  # mostly light, some color
        image = np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0)
        paths.append(str(folder / f'{place}.jpg'))
        cv2.imwrite(paths[-1], image, [cv2.IMWRITE_JPEG_QUALITY, 89])
    return paths


def torchvision_side() -> Callable[[str, int], object]:
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(224, (0.2, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(**JITTER)], 0.8),
            transforms.RandomGrayscale(0.2),
            transforms.RandomApply(
                [
                    transforms.Lambda(
                        lambda image: image.filter(
                            ImageFilter.GaussianBlur(0.1 + 1.9 * float(torch.rand(())))
                        )
                    )
                ],
                0.5,
            ),
            transforms.RandomHorizontalFlip(),
            transforms.PILToTensor(),
        ]
    )

    def load(path: str, _: int) -> list:
        image = Image.open(path).convert('RGB')
        return [view(image) for _ in range(3)]

    return load


def fixed_hue(
    image: np.ndarray, hue_factor: float, backend: str | None = None
) -> np.ndarray:
    """What mmcv's adjust_hue does with Pillow before numpy 2."""
    hue, saturation, value = Image.fromarray(image[..., ::-1]).convert('HSV').split()
    turned = np.array(hue) + np.uint8(int(hue_factor * 255) % 256)
    merged = Image.merge('HSV', (Image.fromarray(turned), saturation, value))
    return np.array(merged.convert('RGB'))[..., ::-1]


def mmpretrain_side() -> Callable[[str, int], object]:
    mmcv.adjust_hue = fixed_hue
    DefaultScope.get_instance('loader-mmpretrain', scope_name='mmpretrain')
    blur = {'magnitude_range': (0.1, 2.0), 'magnitude_std': 'inf', 'prob': 0.5}
    jitter = {'type': 'ColorJitter', **JITTER}
    crop = {'scale': 224, 'crop_ratio_range': (0.2, 1.0), 'backend': 'pillow'}
    weights = {'keep_channels': True, 'channel_weights': (0.114, 0.587, 0.2989)}
    view = [
        {'type': 'RandomResizedCrop', **crop},
        {'type': 'RandomApply', 'transforms': [jitter], 'prob': 0.8},
        {'type': 'RandomGrayscale', 'prob': 0.2, **weights},
        {'type': 'GaussianBlur', **blur},
        {'type': 'RandomFlip', 'prob': 0.5},
    ]
    pipeline = Compose(
        [
            {'type': 'LoadImageFromFile'},
            {'type': 'MultiView', 'num_views': [3], 'transforms': [view]},
            {'type': 'PackInputs'},
        ]
    )
    return lambda path, place: pipeline({'img_path': path, 'sample_idx': place})


def our_pipeline(on_device: bool, whole: bool = False) -> list[dict]:
    """The config's pipeline with its switches set."""
    cfg = Config.fromfile(ROOT / 'configs/mocov2_2q_r50_200e.py')
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[1].transforms[0][0].on_device = on_device
    if whole:
        pipeline[0].smallest_crop = None
    return pipeline


def our_side(on_device: bool, whole: bool = False) -> Callable[[str, int], dict]:
    DefaultScope.get_instance(f'loader-{on_device}-{whole}', scope_name='cld_mm')
    pipeline = Compose(our_pipeline(on_device, whole))
    if not whole:  # as the dataset does
        first, *others = pipeline.transforms
        first.smallest_crop = smallest_crop(others)

    def load(path: str, place: int) -> dict:
        index = SeededIndex(place, mix_seed(0, 0, place))
        return pipeline({'img_path': path, 'sample_idx': index})

    return load


def image_seconds(
    load: Callable[[str, int], object], paths: list[str], now: Callable[[], float]
) -> Callable[[], float]:
    """Load all images once per call, each time with other views; seconds per image."""
    places = itertools.count()

    def run() -> float:
        start = now()
        for path in paths:
            load(path, next(places))
        return (now() - start) / len(paths)

    return run


def epoch_border(folder: Path, workers: int, kept: bool, batch: int) -> float:
    """Seconds from asking for an epoch's second start to its first batch."""
    config = {
        'batch_size': batch,
        'num_workers': workers,
        'persistent_workers': kept,
        'sampler': {'type': 'SeededSampler', 'shuffle': True},
        'collate_fn': {'type': 'collate_views'},
        'dataset': {
            'type': 'ImageFolder',
            'data_root': str(folder),
            'with_label': False,
            'pipeline': our_pipeline(on_device=True),
        },
    }
    loader = Runner.build_dataloader(config, seed=0)
    for _ in loader:
        pass
    start = time.perf_counter()
    next(iter(loader))
    return time.perf_counter() - start


def device_share(load: Callable[[str, int], Any], path: str) -> float:
    """Seconds an image of colors, blur and normalizing, on this machine's device."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    cfg = Config.fromfile(ROOT / 'configs/mocov2_2q_r50_200e.py')
    preprocessor = MODELS.build(cfg.model.data_preprocessor).to(device)
    batch = collate_views([load(path, place) for place in range(32)])
    times = []
    for _ in range(5):
        start = time.perf_counter()
        preprocessor(batch, training=True)
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / 32)
    return statistics.median(times)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as name:
        paths = make_images(Path(name), args.images, *args.pixels)
        size = sum(Path(path).stat().st_size for path in paths) / len(paths)
        sides = {
            'torchvision': torchvision_side(),
            'mmpretrain': mmpretrain_side(),
            'ours': our_side(on_device=False),
            'device': our_side(on_device=True),
            'whole': our_side(on_device=False, whole=True),
        }
        turns = {
            name: image_seconds(side, paths, time.process_time)
            for name, side in sides.items()
        }
        seconds = take_turns(turns, args.repeats, warm_up=1)
        left = device_share(sides['device'], paths[0])
        border = {
            kept: epoch_border(Path(name), args.workers, kept, args.images // 4)
            for kept in (False, True)
        }

    width, height = args.pixels
    print(
        f'{args.images} JPEGs of {width}×{height}, {size / 1000:.0f} kB, one core, '
        'three views'
    )
    for side, times in seconds.items():
        print(f'{side:12s}{spread(1 / t for t in times)} images/s')
    print(f'left to the device, done here: {1 / left:.1f} images/s')
    print(
        f'first batch of an epoch, {args.workers} workers: started anew '
        f'{border[False]:.3f} s, kept {border[True]:.3f} s'
    )
    print(
        json.dumps(
            {
                'speedup_over_torchvision': ratio(seconds, 'torchvision', 'ours'),
                'speedup_over_mmpretrain': ratio(seconds, 'mmpretrain', 'ours'),
                'on_device_over_torchvision': ratio(seconds, 'torchvision', 'device'),
                'on_device_over_mmpretrain': ratio(seconds, 'mmpretrain', 'device'),
                'speedup_by_scaled_decode': ratio(seconds, 'whole', 'ours'),
            }
        )
    )


if __name__ == '__main__':
    main()
