"""Thousands of damaged images through real loader processes: none wrong, none hangs.

``python tools/stress/bad_images.py --images 10000 --seed 0`` mutates JPEG, PNG, BMP,
GIF, WebP, TIFF and PPM files (flipped bits, cuts, spliced pieces, edited headers),
loads them by LoadImage in DataLoader workers under a watchdog, and holds each returned
image against Pillow's strict decoder. Where that refuses the file or sees another
image, the sample is silently wrong. The last line is JSON, also after SIGTERM or
Ctrl-C; ``--start`` continues from an image.
"""

import argparse
import signal
import sys
import tempfile
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.stress.closing import closing_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Load damaged images.')
    parser.add_argument('--images', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--start', type=int, default=0, help='the first image')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import numpy as np
from PIL import Image, ImageFile, ImageOps
from torch.utils.data import DataLoader, Dataset
from cld_mm.fileio.image_decoding import MAX_PIXELS
from cld_mm.datasets.transforms import LoadImage


TOLERANCE = 2  # two builds of libjpeg may round a level apart


def bases(rng: np.random.Generator) -> list[bytes]:
    """Sound files of every kind, of a smooth and noisy picture."""
    height, width = rng.integers(8, 64, 2)
    rows, columns = np.mgrid[:height, :width]
    values = np.stack([rows * 4, columns * 4, rows * columns], -1)
    noisy = values + rng.integers(0, 40, values.shape)
    rgb = Image.fromarray((noisy % 256).astype(np.uint8))
    deep = Image.fromarray((noisy[..., 0] * 200 % 65536).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(1, 9))
    wanted: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (rgb, 'JPEG', {'quality': 90, 'exif': exif}),
        (rgb, 'JPEG', {'progressive': True}),
        (rgb, 'JPEG', {'restart_marker_blocks': 2}),
        (rgb.convert('L'), 'JPEG', {}),
        (rgb.convert('CMYK'), 'JPEG', {}),
        (rgb, 'PNG', {'exif': exif}),
        (rgb.convert('RGBA'), 'PNG', {}),
        (rgb.quantize(32), 'PNG', {'transparency': 3}),
        (deep, 'PNG', {}),
        (rgb, 'BMP', {}),
        (rgb.quantize(64), 'GIF', {}),
        (rgb, 'GIF', {'save_all': True, 'append_images': [rgb.rotate(90)]}),
        (rgb, 'WEBP', {'quality': 80}),
        (rgb, 'WEBP', {'lossless': True}),
        (rgb, 'TIFF', {'compression': 'tiff_lzw'}),
        (rgb, 'TIFF', {'compression': 'tiff_deflate'}),
        (deep, 'TIFF', {}),
        (rgb, 'PPM', {}),
    ]
    files = []
    for image, kind, settings in wanted:
        file = BytesIO()
        image.save(file, kind, **settings)
        files.append(file.getvalue())
    return files


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One to three of: flips, a cut, a splice, an edited header, nothing."""
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        size = len(damaged)
        if size < 4:
            break
        place = int(rng.integers(size))
        kind = rng.choice(['flip', 'flip', 'cut', 'splice', 'header', 'drop', 'sound'])
        if kind == 'flip':
            for where in rng.integers(size, size=rng.integers(1, 9)):
                damaged[where] ^= 1 << int(rng.integers(8))
        elif kind == 'cut':
            del damaged[place:]
        elif kind == 'splice':
            start = int(rng.integers(max(1, len(other))))
            piece = other[start : start + int(rng.integers(1, 200))]
            damaged[place : place + int(rng.integers(0, 200))] = piece
        elif kind == 'drop':
            del damaged[place : place + int(rng.integers(1, 100))]
        elif kind == 'header':
            where = int(rng.integers(min(64, size)))
            value = int(rng.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
            damaged[where : where + 2] = bytes([value] * 2)
    return bytes(damaged)


class Damaged(Dataset):
    """Damaged files on disk, made and loaded where they are asked for."""

    def __init__(self, folder: Path, images: int, seed: int) -> None:
        self.folder, self.images, self.seed = folder, images, seed
        self.load = LoadImage(value_range=(0, 65535))

    def __len__(self) -> int:
        return self.images

    def file(self, place: int) -> bytes:
        """The damaged file of a place, always the same."""
        rng = np.random.default_rng([self.seed, place])
        files = bases(rng)
        chosen = place % len(files)
        return mutate(files[chosen], files[rng.integers(len(files))], rng)

    def __getitem__(self, place: int) -> tuple[int, str, np.ndarray | None]:
        path = self.folder / f'{place}.jpg'
        path.write_bytes(self.file(place))
        try:
            return place, '', self.load({'img_path': str(path)})['img']
        except OSError as error:
            named = str(path) in str(error)
            return place, 'refused' if named else f'unnamed: {error}', None
        finally:
            path.unlink()


def strict(data: bytes) -> np.ndarray | None:
    """What Pillow decodes, RGB; None where it refuses the file."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        file = Image.open(BytesIO(data))
        file.load()
        image = ImageOps.exif_transpose(file)
        if image.mode.startswith('I'):  # 16 bits
            gray = np.rint(np.asarray(image) * (255 / 65535)).astype(np.int64)
            return np.repeat(gray[..., None], 3, axis=2)
        return np.asarray(image.convert('RGBA').convert('RGB')).astype(np.int64)
    except Exception:
        return None


def is_wrong(data: bytes, found: np.ndarray) -> bool:
    """Whether the image differs from what the strict decoder sees."""
    expected = strict(data)
    if expected is None or expected.shape != found.shape:
        return True
    return bool(np.abs(expected[..., ::-1] - found).max() > TOLERANCE)


def first(batch: list) -> tuple:
    """A batch of one, as it is."""
    return batch[0]


def leave_ctrl_c_to_the_script(worker: int) -> None:
    """A terminal sends it to workers too, whose end would count as a crash."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


COUNTED: tuple[str, ...] = ('images', 'worker_crashes', 'hangs', 'silent_wrong')
COUNTED += ('refused', 'returned', 'path_not_named')


def run(
    images: int,
    seed: int,
    workers: int = 2,
    limit: float = 60.0,
    start: int = 0,
    counts: dict | None = None,
) -> dict:
    """Load all from ``start`` on and count in ``counts``.

    A crash or a hang of a worker is counted and skipped.
    """
    warnings.simplefilter('ignore')
    counts = {} if counts is None else counts
    counts.update(dict.fromkeys(COUNTED, 0))
    with tempfile.TemporaryDirectory() as folder:
        dataset = Damaged(Path(folder), images, seed)
        while start < images:
            loader = DataLoader(
                dataset,
                batch_size=1,
                sampler=range(start, images),
                num_workers=workers,
                collate_fn=first,
                timeout=limit,
                worker_init_fn=leave_ctrl_c_to_the_script,
            )
            try:
                for place, fault, found in loader:
                    start = place + 1
                    counts['images'] += 1
                    counts['path_not_named'] += fault.startswith('unnamed')
                    if found is None:
                        counts['refused'] += 1
                        continue
                    counts['returned'] += 1
                    if found.size > 3 * MAX_PIXELS or is_wrong(
                        dataset.file(place), found
                    ):
                        counts['silent_wrong'] += 1
                        print(f'image {place} of seed {seed} is silently wrong')
            except RuntimeError as error:
                kind = 'hangs' if 'timed out' in str(error) else 'worker_crashes'
                counts[kind] += 1
                counts['images'] += 1
                print(f'image {start} or a later one of seed {seed}: {error}')
                start += 1
    return counts


def main() -> None:
    args = parse_args()
    report = {'seed': args.seed, 'start': args.start}
    with closing_line(report) as counts:
        run(args.images, args.seed, args.workers, start=args.start, counts=counts)
    faults = sum(counts[name] for name in ('worker_crashes', 'hangs', 'silent_wrong'))
    sys.exit(1 if faults or counts['path_not_named'] else 0)


if __name__ == '__main__':
    main()
