"""Which image files can be read here, and what would read the others."""

from functools import cache
from importlib.util import find_spec

from PIL import Image, features

# Those without a program behind them (Pillow hands EPS to Ghostscript).
FORMATS = ['JPEG', 'PNG', 'BMP', 'GIF', 'WEBP', 'TIFF', 'PPM']
FORMATS += ['AVIF'] if features.check('avif') else []
FORMATS += ['JPEG2000'] if features.check('jpg_2000') else []

HEIF = {'.heic', '.heif', '.hif'}
DICOM = {'.dcm', '.dicom'}
RAW = {'.cr2', '.cr3', '.nef', '.arw', '.dng', '.orf', '.raf', '.rw2', '.pef'}
_EXTRAS = [
    (HEIF, 'pillow_heif', 'heif'),
    ({'.avif'}, 'pillow_heif', 'heif'),
    (DICOM, 'pydicom', 'dicom'),
    (RAW, 'rawpy', 'raw'),
]
_CONVERT = {'.jxl', '.psd', '.exr', '.hdr', '.svg', '.eps', '.tga', '.ico', '.jp2'}


@cache
def register_heif() -> None:
    """Let Pillow read HEIC and HEIF files, where pillow-heif is installed."""
    if find_spec('pillow_heif') is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()
        FORMATS.append('HEIF')


@cache
def readable_suffixes() -> frozenset[str]:
    """Endings of the names of images that can be read here, such as '.jpg'."""
    register_heif()
    known = Image.registered_extensions()
    suffixes = {suffix for suffix, kind in known.items() if kind in FORMATS}
    for extra, module, _ in _EXTRAS:
        if find_spec(module) is not None:
            suffixes |= extra
    return frozenset(suffixes)


def advice_for(suffix: str) -> str | None:
    """How to have files of this ending read; None where they are no images."""
    for suffixes, module, extra in _EXTRAS:
        if suffix in suffixes:
            name = module.replace('_', '-')
            return f"pip install {name}, or pip install 'cld_mm[{extra}]'"
    return 'convert them to PNG or JPEG' if suffix in _CONVERT else None
