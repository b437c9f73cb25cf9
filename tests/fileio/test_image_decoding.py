"""Image files: read as Pillow's strict decoder reads them, or an error; no hang."""

import os
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from cld_mm.datasets.transforms import LoadImage
from cld_mm.fileio.image_decoding import (
    BrokenImage,
    check_image,
    decode_image,
    orientation,
    printable,
    read_file,
    turned,
)


def picture(height: int = 30, width: int = 40) -> np.ndarray:
    """A smooth RGB picture that no flip or turn leaves alone."""
    rows, columns = np.mgrid[:height, :width]
    values = [rows * 255 / height, columns * 255 / width, (rows + columns) * 3 % 256]
    return np.stack(values, axis=-1).astype(np.uint8)


def packed(image: Image.Image, kind: str, **settings: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


RGB = Image.fromarray(picture())
GRAY = RGB.convert('L')
PALETTE = RGB.quantize(16)
KINDS = {
    'jpeg': packed(RGB, 'JPEG', quality=95),
    'progressive': packed(RGB, 'JPEG', progressive=True),
    'gray jpeg': packed(GRAY, 'JPEG'),
    'cmyk jpeg': packed(RGB.convert('CMYK'), 'JPEG', quality=95),
    'png': packed(RGB, 'PNG'),
    'gray png': packed(GRAY, 'PNG'),
    'bilevel png': packed(RGB.convert('1'), 'PNG'),
    'palette png': packed(PALETTE, 'PNG', transparency=b'\x00\x80' + b'\xff' * 14),
    'alpha png': packed(RGB.convert('RGBA'), 'PNG'),
    'bmp': packed(RGB, 'BMP'),
    'gif': packed(PALETTE, 'GIF'),
    'webp': packed(RGB, 'WEBP', lossless=True),
    'tiff': packed(RGB, 'TIFF', compression='tiff_lzw'),
    'cmyk tiff': packed(RGB.convert('CMYK'), 'TIFF'),
    'ppm': packed(RGB, 'PPM'),
}


def oracle(data: bytes) -> np.ndarray:
    image = Image.open(BytesIO(data))
    image.load()
    return np.asarray(ImageOps.exif_transpose(image).convert('RGB'))[..., ::-1]


@pytest.mark.parametrize('kind', KINDS)
def test_reads_as_pillow_does(kind: str) -> None:
    found = decode_image(KINDS[kind])
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - oracle(KINDS[kind])).max() <= 2
    # The colors are the picture's, not their inverse.
    if kind in ('cmyk jpeg', 'cmyk tiff'):
        assert np.abs(found[..., ::-1].astype(int) - picture()).mean() < 12


@pytest.mark.parametrize('kind', KINDS)
def test_a_cut_file_is_an_error(kind: str) -> None:
    data = KINDS[kind]
    for share in (0, 0.02, 0.3, 0.6, 0.9, 0.98):
        with pytest.raises(Exception, match=r'.'):
            decode_image(data[: int(share * len(data))])


@pytest.mark.parametrize('turn', range(1, 9))
def test_orientation(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    for kind in ('TIFF', 'WEBP', 'JPEG', 'PNG'):
        data = packed(RGB, kind, exif=exif)
        image = check_image(data)
        assert orientation(image) == turn
        assert np.abs(decode_image(data).astype(int) - oracle(data)).max() <= 2
    deep = Image.fromarray(np.asarray(GRAY).astype(np.uint16) << 8)
    found = decode_image(packed(deep, 'PNG', exif=exif))[..., 0]
    wanted = turned(np.asarray(GRAY)[..., None], turn)[..., 0].astype(int)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    upright = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    assert np.array_equal(turned(picture(), turn), np.asarray(upright))


def test_animation_gives_its_first_frame() -> None:
    frames = [RGB.rotate(angle) for angle in (0, 90, 180)]
    for kind in ('GIF', 'WEBP', 'PNG', 'TIFF'):
        data = packed(frames[0], kind, save_all=True, append_images=frames[1:])
        found = decode_image(data)[..., ::-1].astype(int)
        assert np.abs(found - picture()).mean() < 12


def test_bombs_are_found_in_the_header() -> None:
    # A PNG that claims 60,000×60,000 pixels in 100 bytes.
    header = b'IHDR' + (60000).to_bytes(4, 'big') * 2 + b'\x08\x02\x00\x00\x00'
    data = KINDS['png']
    bomb = data[:12] + header + zlib.crc32(header).to_bytes(4, 'big') + data[33:]
    with pytest.raises(Exception, match=r'bomb|max_pixels'):
        decode_image(bomb)
    with pytest.raises(BrokenImage, match=r'40×30 pixels, more than max_pixels 1199'):
        decode_image(data, max_pixels=1199)
    assert decode_image(data, max_pixels=1200).shape == (30, 40, 3)
    thin = packed(Image.new('RGB', (1, 101)), 'PNG')
    with pytest.raises(BrokenImage, match='one side more than 100 times the other'):
        decode_image(thin)
    assert decode_image(packed(Image.new('L', (1, 1)), 'BMP')).shape == (1, 1, 3)


def test_a_flipped_bit_in_a_png_is_found() -> None:
    data = KINDS['png']
    for place in range(33, len(data) - 12, 37):
        broken = bytearray(data)
        broken[place] ^= 4
        with pytest.raises(Exception, match=r'.'):
            decode_image(bytes(broken))


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """A pipe that nobody writes to would hang a reader for ever."""
    pipe, loop, secret = tmp_path / 'pipe.png', tmp_path / 'loop.png', tmp_path / 's'
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    secret.write_bytes(b'')
    (tmp_path / 'device.png').symlink_to('/dev/zero')
    for path, reason in {
        pipe: 'pipe, device',
        tmp_path / 'device.png': 'pipe, device',
        loop: 'Too many levels',
        tmp_path: 'a folder',
        secret: '0 bytes',
        tmp_path / 'gone.png': 'No such file',
    }.items():
        with pytest.raises(OSError, match=reason) as raised:
            LoadImage()({'img_path': str(path)})
        assert str(raised.value).startswith(f'{path} cannot be read')
    vast = tmp_path / 'vast.png'
    with vast.open('wb') as file:
        file.truncate(2**40)  # sparse: it takes no room
    with pytest.raises(BrokenImage, match='bytes, not 1 to'):
        read_file(vast)


def test_names_in_any_script(tmp_path: Path) -> None:
    names = ['фото', '照片', 'صورة', 'ภาพ', '🖼', 'a\nb', 'a\tb', 'a\\b', "a'b", 'a"b']
    names += [os.fsdecode(b'\xff\xfe'), ' ', '%s{0}', '-x', '..a']
    for name in names:
        path = tmp_path / f'{name}.wrong'
        path.write_bytes(KINDS['png'])  # the content counts, not the extension
        image = LoadImage()({'img_path': str(path)})['img']
        assert np.array_equal(image[..., ::-1], picture())
        path.write_bytes(b'x')
        with pytest.raises(OSError, match='cannot be read as an image') as raised:
            LoadImage()({'img_path': str(path)})
        assert str(raised.value).isprintable()
        str(raised.value).encode()
    assert printable('照片') == '照片'
    assert printable('a\nb\udcff') == r'a\nb\udcff'


def test_a_damaged_jpeg_reads_as_pillow_reads_it_or_not_at_all() -> None:
    """Where bytes of a JPEG are wrong, decoders may differ: no second opinion here."""
    rng = np.random.default_rng(0)
    whole = bytearray(packed(RGB, 'JPEG', quality=90))
    read = 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(2, len(data) - 2, rng.integers(1, 4)):
            data[place] = rng.integers(256)
        try:
            expected = oracle(bytes(data))
        except Exception:
            with pytest.raises(Exception):  # noqa: B017, PT011
                decode_image(bytes(data))
            continue
        try:
            found = decode_image(bytes(data))
        except OSError:
            continue
        assert np.array_equal(found, expected)
        read += 1
    assert read > 50


def test_a_scan_that_breaks_off_in_a_second_is_found() -> None:
    """OpenCV takes the first scan, fills what it lacks, and only warns."""
    data = KINDS['jpeg']
    start = data.index(b'\xff\xda')
    place = start + 14 + (len(data) - start - 14) // 3
    header = data[start : start + 14]
    broken = data[:place].rstrip(b'\xff') + header + data[place:]
    assert cv2.imdecode(np.frombuffer(broken, np.uint8), cv2.IMREAD_COLOR) is not None
    with pytest.raises(OSError, match='broken data stream'):
        decode_image(broken)
