"""JPEGs decoded at a part of their size: never below a crop's, and nearly the same."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cld_mm.datasets.samplers.seeded_sampler import mix_seed
from cld_mm.datasets.transforms import Column, LoadImage, RandomView, ViewDistribution
from cld_mm.fileio.image_decoding import decode_image, divisor
from tests.helpers.distributions import LIMIT, furthest
from tests.helpers.photos import B224, photo


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.integers(1, 300),
    st.floats(0.01, 1),
    st.integers(0, 2**60),
)
def test_no_crop_has_fewer_pixels_than_its_view(
    width: Any, height: Any, size: Any, share: Any, seed: int
) -> None:
    number = divisor(width, height, size, share)
    if number == 1:
        return
    seeds = np.array([mix_seed(seed, 0, i) for i in range(8)], dtype=np.uint64)
    law = ViewDistribution(scale=(share, 1.0))
    drawn = law.draw(seeds, -(-height // number), -(-width // number))
    assert drawn[:, [Column.HEIGHT, Column.WIDTH]].min() >= size


def test_the_largest_divisor_that_leaves_enough() -> None:
    assert divisor(500, 375, 224, 0.2) == 1  # ImageNet's size
    assert divisor(1600, 1200, 224, 0.2) == 2
    assert divisor(4032, 3024, 224, 0.2) == 4
    assert divisor(9000, 447, 224, 0.2) == 1
    assert divisor(9000, 448, 224, 0.2) == 2
    assert divisor(1792, 1792, 224, 1.0) == 4  # a crop's short side is 0.87 of it
    assert divisor(2070, 2070, 224, 1.0) == 8


def packed(image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, **{'format': 'JPEG', 'quality': 90, **options})
    return file.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    'plain': ('RGB', {}),
    'progressive': ('RGB', {'progressive': True}),
    'full color': ('RGB', {'subsampling': 0}),
    'gray': ('L', {}),
    'cmyk': ('CMYK', {}),
    'turned': ('RGB', {'exif': EXIF}),
    'two pictures': ('RGB', {'format': 'MPO', 'save_all': True}),
}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize(('number', 'share'), [(2, 0.18), (4, 0.72)])
def test_the_whole_picture_made_smaller(case: str, number: int, share: float) -> None:
    mode, options = CASES[case]
    image = Image.fromarray(photo(1, 261, 347)).convert(mode)
    if case == 'two pictures':
        options = {**options, 'append_images': [image]}
    data = packed(image, **options)
    found = decode_image(data, smallest_crop=(52, share))
    read = Image.open(BytesIO(data))
    small = read.convert('RGB').reduce(number)
    small.getexif().update(read.getexif())
    wanted = ImageOps.exif_transpose(small)
    assert found.shape == (wanted.height, wanted.width, 3)
    gap = found[..., ::-1].astype(float) - np.asarray(wanted)
    assert np.abs(gap).mean() < 2.5
    assert abs(gap.mean()) < 0.5
    for share_kept in (0.02, 0.3) if case == 'two pictures' else (0.02, 0.3, 0.99):
        broken = data[: int(share_kept * len(data))]
        with pytest.raises(OSError, match=r'.'):
            decode_image(broken, smallest_crop=(52, share))


def test_what_is_small_or_no_jpeg_stays_as_it_is() -> None:
    image = Image.fromarray(photo(1, 261, 347))
    for data, crop in (
        (packed(image, format='PNG'), (52, 1.0)),
        (packed(image), (224, 0.2)),
    ):
        whole = decode_image(data)
        assert np.array_equal(decode_image(data, smallest_crop=crop), whole)


def test_views_are_distributed_as_those_of_whole_pictures(tmp_path: Path) -> None:
    view = RandomView(32, **B224)
    loads = LoadImage(), LoadImage(smallest_crop=(32, 0.2))
    paths = [tmp_path / f'{seed}.jpg' for seed in range(4)]
    for seed, path in enumerate(paths):
        path.write_bytes(packed(Image.fromarray(photo(seed, 180, 240))))
    sides = []
    for load in loads:
        views = []
        for place, path in enumerate(paths):
            image = load({'img_path': str(path)})['img']
            for draw in range(500):
                seed = mix_seed(3, place, draw)
                views.append(view({'img': image, 'view_seed': seed})['img'][..., ::-1])
        sides.append(views)
    assert image.shape == (90, 120, 3)
    assert furthest(*sides) < LIMIT  # drawn alike, so closer than two samples
    gap = np.stack(sides[0]).astype(float) - np.stack(sides[1])
    assert np.abs(gap).mean() < 4  # boxes lie on a coarser grid
    assert abs(gap.mean()) < 0.1
    counts = [np.histogram(np.stack(v), 64, (0, 256), density=True)[0] for v in sides]
    assert 4 * np.abs(counts[0] - counts[1]).sum() < 0.03


@pytest.mark.parametrize('wrong', [(0, 0.2), (224, 0), (224, 1.5)])
def test_impossible_crops_are_errors(wrong: tuple) -> None:
    with pytest.raises(ValueError, match='smallest_crop is'):
        LoadImage(smallest_crop=wrong)
