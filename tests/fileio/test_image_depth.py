"""Images of more than 8 bits, or of other bands than RGB, keep what they hold."""

import zlib
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cld_mm.fileio import image_decoding
from cld_mm.fileio.image_decoding import BrokenImage, decode_image
from cld_mm.fileio.image_depth import guess_range
from cld_mm.fileio.jpeg_png_checks import png_chunks

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def encoded(kind: str, pixels: Any) -> Any:
    return cv2.imencode(kind, pixels)[1].tobytes()


def npy(pixels: Any) -> bytes:
    file = BytesIO()
    np.save(file, pixels)
    return file.getvalue()


def tiff(pixels: Any, **settings: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, 'TIFF', **settings)
    return file.getvalue()


@pytest.mark.parametrize('pack', [lambda x: encoded('.png', x), tiff, npy])
def test_twelve_significant_bits_fill_eight(pack: Any) -> None:
    found = decode_image(pack(RAMP))
    assert len(np.unique(found)) == 256  # 16 levels, if the upper byte is taken
    assert np.array_equal(found[..., 0], np.rint(RAMP * (255 / 4095)))


@pytest.mark.parametrize('kind', ['.png', '.tiff'])
def test_twelve_bits_of_each_color(kind: str) -> None:
    color = np.stack([RAMP, RAMP[::-1], RAMP.T], axis=-1)
    found = decode_image(encoded(kind, color))
    assert np.array_equal(found, np.rint(color * (255 / 4095)))


def test_a_given_range_is_taken() -> None:
    found = decode_image(encoded('.png', RAMP), value_range=(1000, 2000))
    wanted = np.clip((RAMP.astype(float) - 1000) / 1000 * 255, 0, 255)
    assert np.abs(found[..., 0] - wanted).max() <= 0.51


def test_a_png_says_how_many_bits_count() -> None:
    data = encoded('.png', RAMP // 8)  # 9 bits used, 12 declared
    chunk = b'sBIT\x0c'
    chunk = b'\0\0\0\x01' + chunk + zlib.crc32(chunk).to_bytes(4, 'big')
    data = data[:33] + chunk + data[33:]
    assert png_chunks(data)[b'sBIT'] == b'\x0c'
    assert decode_image(data).max() == round(511 / 4095 * 255)


def test_floats_from_0_to_1() -> None:
    pixels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    for data in (tiff(pixels), npy(pixels)):
        assert np.array_equal(decode_image(data)[..., 1], np.rint(pixels * 255))


@given(st.integers(1, 65535), st.sampled_from(['u2', 'i4']))
def test_the_guessed_range_holds_all_values_and_is_tight(
    largest: Any, dtype: Any
) -> None:
    low, high = guess_range([np.array([[0, largest]], dtype)])
    assert low == 0
    assert largest <= high
    assert high == 255 or largest > high / 4 - 1


def test_all_bands_keep_the_depth() -> None:
    found = decode_image(encoded('.png', RAMP), bands='all')
    assert found.shape == (64, 64, 1)
    assert found.dtype == np.float32
    assert len(np.unique(found)) == 4096
    assert found.max() == 255


def test_all_bands_of_an_array() -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (5, 6, 7)).astype(np.uint16)
    found = decode_image(npy(pixels), bands='all', value_range=(0, 4095))
    assert np.allclose(found, pixels * (255 / 4095), atol=1e-4)


def test_more_bands_than_rgb_are_refused_by_default() -> None:
    with pytest.raises(BrokenImage, match=r"it has 7 bands: set bands='all'"):
        decode_image(npy(np.zeros((5, 6, 7), np.uint8)))


def test_the_first_three_bands_on_request() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 7)).astype(np.uint8)
    found = decode_image(npy(pixels), bands='rgb')
    assert np.array_equal(found[..., ::-1], pixels[..., :3])


def test_an_infrared_band_of_a_tiff_is_not_dropped() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype(np.uint8)
    data = tiff(pixels)
    with pytest.raises(BrokenImage, match='it has 4 bands'):
        decode_image(data)
    assert np.array_equal(decode_image(data, bands='all'), pixels)


def test_the_alpha_of_a_png_is_dropped() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, 'PNG')
    assert np.array_equal(decode_image(file.getvalue())[..., ::-1], pixels[..., :3])
    assert decode_image(file.getvalue(), bands='all').shape == (5, 6, 3)


def test_further_pages_are_counted_in_a_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    image_decoding._warn_of_pages.cache_clear()
    pages = [Image.new('L', (4, 4), shade) for shade in (10, 20, 30)]
    file = BytesIO()
    pages[0].save(file, 'TIFF', save_all=True, append_images=pages[1:])
    assert decode_image(file.getvalue())[0, 0, 0] == 10
    assert 'has 3 pages' in str(recwarn[-1].message)


def test_an_array_that_is_no_image_is_refused() -> None:
    for array in (np.zeros(5), np.zeros((2, 2, 2, 2)), np.zeros((4, 4), complex)):
        with pytest.raises(BrokenImage, match='not an image'):
            decode_image(npy(array))


def test_a_truncated_array_is_an_error() -> None:
    with pytest.raises(ValueError, match='buffer'):
        decode_image(npy(RAMP)[:-100])


def test_a_bomb_of_an_array_is_found_in_its_header() -> None:
    data = npy(np.zeros((2, 2), np.uint8)).replace(b'(2, 2)', b'(99999, 99999)')
    with pytest.raises((BrokenImage, ValueError)):
        decode_image(data)


@pytest.mark.skipif(find_spec('tifffile') is None, reason='needs tifffile')
def test_multispectral_tiff() -> None:
    import tifffile

    pixels = np.random.default_rng(0).integers(0, 4096, (6, 5, 7)).astype(np.uint16)
    for settings in ({'planarconfig': 'separate'}, {'planarconfig': 'contig'}):
        file = BytesIO()
        last = settings['planarconfig'] == 'contig'
        given = np.moveaxis(pixels, 0, -1) if last else pixels
        tifffile.imwrite(file, given, photometric='minisblack', **settings)
        found = decode_image(file.getvalue(), bands='all', value_range=(0, 4095))
        wanted = np.moveaxis(pixels, 0, -1) * (255 / 4095)
        assert np.allclose(found, wanted, atol=1e-4)


@pytest.mark.skipif(find_spec('pillow_heif') is None, reason='needs pillow-heif')
def test_heic() -> None:
    import pillow_heif

    file = BytesIO()
    pixels = np.full((64, 48, 3), (200, 100, 50), np.uint8)
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(file, quality=90)
    found = decode_image(file.getvalue())
    assert found.shape == (64, 48, 3)
    assert np.abs(found[..., ::-1].astype(int) - pixels).max() < 8


@pytest.mark.skipif(find_spec('pydicom') is None, reason='needs pydicom')
def test_dicom() -> None:
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dicom = pydicom.Dataset()
    dicom.file_meta = FileMetaDataset()
    dicom.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dicom.Rows, dicom.Columns, dicom.SamplesPerPixel = 64, 64, 1
    dicom.BitsAllocated, dicom.BitsStored, dicom.HighBit = 16, 12, 11
    dicom.PixelRepresentation, dicom.PhotometricInterpretation = 0, 'MONOCHROME2'
    dicom.PixelData = RAMP.tobytes()
    file = BytesIO()
    dicom.preamble = bytes(128)
    pydicom.dcmwrite(file, dicom, enforce_file_format=False)
    found = decode_image(file.getvalue())
    assert len(np.unique(found)) == 256
