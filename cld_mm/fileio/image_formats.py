"""Which image files can be read here, and what would read the others."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from io import BytesIO

import numpy as np
from PIL import Image, features

from .regular_files import BrokenImage

# Those without a program behind them (Pillow hands EPS to Ghostscript).
FORMATS = ['JPEG', 'PNG', 'BMP', 'GIF', 'WEBP', 'TIFF', 'PPM']
FORMATS += ['AVIF'] if features.check('avif') else []
FORMATS += ['JPEG2000'] if features.check('jpg_2000') else []

_HEIF = {'.heic', '.heif', '.hif', '.avif'}
_DICOM = {'.dcm', '.dicom'}
_RAW = {'.cr2', '.cr3', '.nef', '.arw', '.dng', '.orf', '.raf', '.rw2', '.pef'}
# Endings, the module that reads them, and this project's extra that installs it.
_EXTRAS = [(_HEIF, 'pillow_heif'), (_DICOM, 'pydicom'), (_RAW, 'rawpy')]
_CONVERT = {'.jxl', '.psd', '.exr', '.hdr', '.svg', '.eps', '.tga', '.ico', '.jp2'}


@cache
def pillow_formats() -> tuple[str, ...]:
    """Formats that Pillow may read here, with HEIF if pillow-heif is installed."""
    if find_spec('pillow_heif') is None:
        return tuple(FORMATS)
    import pillow_heif

    pillow_heif.register_heif_opener()
    return (*FORMATS, 'HEIF')


@cache
def readable_suffixes() -> frozenset[str]:
    """Endings of the names of images that can be read here, such as '.jpg'."""
    formats, known = pillow_formats(), Image.registered_extensions()
    suffixes = {suffix for suffix, kind in known.items() if kind in formats} | {'.npy'}
    for extra, module in _EXTRAS:
        suffixes |= extra if find_spec(module) and module != 'pillow_heif' else set()
    return frozenset(suffixes)


def advice_for(suffix: str) -> str | None:
    """How to have files of this ending read; None where they are no images."""
    for suffixes, module in _EXTRAS:
        if suffix in suffixes and find_spec(module) is None:
            return f'pip install {module.replace("_", "-")}'
    return 'convert them to PNG or JPEG' if suffix in _CONVERT else None


def read_array_file(
    data: bytes, check_size: Callable[[int, int], None]
) -> np.ndarray | None:
    """Pixels of a file that Pillow does not know, ``(H, W)`` or ``(H, W, C)``.

    NumPy's .npy (channels last); DICOM by pydicom, with its rescaling applied; camera
    raw files by rawpy, developed to 8-bit RGB; TIFF with any bands by tifffile.

    Args:
        data: a whole file.
        check_size: called with width and height before pixels are decoded.

    Returns:
        None where the file is none of these, or the library is not installed.

    Raises:
        BrokenImage: the file is damaged.
    """
    if data[:6] == b'\x93NUMPY':
        return _read_npy(data, check_size)
    is_tiff = data[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
    readers: list[tuple[bool, str, Callable]] = [
        (data[128:132] == b'DICM', 'pydicom', _read_dicom),
        (True, 'rawpy', _read_raw),
        (is_tiff, 'tifffile', _read_tiff),
    ]
    for fits, module, read in readers:
        if fits and find_spec(module):
            try:
                pixels = read(BytesIO(data), check_size)
            except OSError:
                raise
            except Exception as error:  # each library has its own
                raise BrokenImage(f'{module} cannot read it: {error}') from error
            if pixels is not None:
                return pixels
    return None


def _read_dicom(
    file: BytesIO, check_size: Callable[[int, int], None]
) -> np.ndarray | None:
    import pydicom
    from pydicom.pixels import apply_rescale

    dicom = pydicom.dcmread(file)
    check_size(dicom.Columns, dicom.Rows)
    pixels = apply_rescale(dicom.pixel_array, dicom)
    inverted = dicom.get('PhotometricInterpretation') == 'MONOCHROME1'
    return pixels.max() + pixels.min() - pixels if inverted else pixels


def _read_raw(
    file: BytesIO, check_size: Callable[[int, int], None]
) -> np.ndarray | None:
    import rawpy

    try:
        with rawpy.imread(file) as raw:
            check_size(raw.sizes.width, raw.sizes.height)
            return raw.postprocess(use_camera_wb=True)
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawIOError):
        return None


def _read_tiff(
    file: BytesIO, check_size: Callable[[int, int], None]
) -> np.ndarray | None:
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages[0]
        check_size(page.imagewidth, page.imagelength)
        pixels = page.asarray()
        if page.planarconfig == 2 and pixels.ndim == 3:
            return np.moveaxis(pixels, 0, -1)
        planes = len(tiff.series[0].shape) == 3 and pixels.ndim == 2
        if planes and tiff.series[0].axes[:1] in 'SC':  # a page for each band
            return np.moveaxis(tiff.series[0].asarray(), 0, -1)
        return pixels


def _read_npy(data: bytes, check_size: Callable[[int, int], None]) -> np.ndarray:
    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version > (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(file)
    if len(shape) not in (2, 3) or dtype.kind not in 'iufb':
        raise BrokenImage(f'its array is {shape} of {dtype}, not an image')
    check_size(shape[1], shape[0])
    pixels = np.frombuffer(data, dtype, int(np.prod(shape)), file.tell())
    return pixels.reshape(shape, order='F' if by_columns else 'C')
