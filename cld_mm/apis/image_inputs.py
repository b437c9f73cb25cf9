"""Images in whatever form they come, as tensors of one size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from cld_mm.datasets.stored_images import stored_bands, stored_image
from cld_mm.datasets.value_range import value_range_of, value_range_of_files
from cld_mm.fileio.image_decoding import decode_image, read_file
from cld_mm.fileio.image_depth import Range


class ImageInputs(Dataset):
    """Images of one size, with names and perhaps labels.

    Args:
        images: a folder, list file or the like; paths; PIL images; NumPy arrays
            ``(H, W)`` or ``(H, W, 3)``; tensors ``(C, H, W)``; both 0 to 255, or floats
            of 0 to 1; a dataset of any of these, also with labels. Other numbers of
            channels than three keep their depth.
        size: images are resized and cropped to this side.
        in_channels: 3 for RGB, 1 for gray, or the number of bands.
        value_range: black and white in files of more than 8 bits, the same for all; by
            default decided by a sample of them.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: there are no images.
    """

    def __init__(
        self,
        images: Any,
        size: int,
        in_channels: int = 3,
        value_range: Range | None = None,
    ) -> None:
        self.size = size
        self.in_channels = in_channels
        self.mode = 'L' if in_channels == 1 else 'RGB'
        self.source = _source(images)
        self.is_mm = hasattr(self.source, 'get_data_info')
        if not len(self.source):
            raise ValueError('there are no images to embed.')
        if value_range is None and self.is_mm:
            value_range = value_range_of(self.source)
        elif value_range is None and _are_paths(self.source):
            value_range = value_range_of_files(self.source)
        self.value_range = value_range

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Tensor | None, int | str | None]:
        """The image ``(C, size, size)``, bytes or float32, and its label.

        None and the reason for a file of a folder or list that cannot be read.
        """
        label = None
        if not self.is_mm:
            image, label = _split(self.source[index])
        else:
            read = stored_image if self.in_channels == 3 else stored_bands
            try:
                image = read(self.source, index, value_range=self.value_range)
            except OSError as error:
                return None, str(error)
        if self.in_channels != 3:
            bands = to_bands(image, self.value_range)
            if bands.shape[0] == self.in_channels:
                return fit_bands(bands, self.size), label
            if self.in_channels != 1:
                raise ValueError(
                    f'an image of {bands.shape[0]} bands: the backbone takes '
                    f'{self.in_channels}.'
                )
        pixels = np.array(self._fit(_to_pil(image, self.value_range)))
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return torch.from_numpy(pixels).permute(2, 0, 1), label

    def _fit(self, image: Image.Image) -> Image.Image:
        """Short edge to 256/224 of the size, center crop: as in evaluation."""
        image = image.convert(self.mode)
        if image.size == (self.size, self.size):
            return image
        scale = self.size * 256 / 224 / min(image.size)
        sides = [max(self.size, round(side * scale)) for side in image.size]
        image = image.resize((sides[0], sides[1]), Image.Resampling.BILINEAR)
        left, top = ((side - self.size) // 2 for side in image.size)
        return image.crop((left, top, left + self.size, top + self.size))

    def names(self) -> list[str]:
        """A name of each image: its path, or its index."""
        found = []
        for index in range(len(self)):
            name = None
            if self.is_mm:
                info = self.source.get_data_info(index)
                name = info.get('img_path') or info.get('name')
            elif isinstance(self.source, (list, tuple)):
                one = self.source[index]
                name = str(one) if isinstance(one, (str, Path)) else None
                name = name or getattr(one, 'filename', None)
            found.append(str(name or index))
        return found

    def labels(self) -> list[str] | None:
        """Class names of a dataset of files; None where there are none."""
        if not self.is_mm:
            return None
        classes = self.source.metainfo.get('classes') or []
        numbers = [
            self.source.get_data_info(i).get('gt_label') for i in range(len(self))
        ]
        if all(number is None for number in numbers):
            return None
        return [_class_name(classes, number) for number in numbers]

    def class_name(self, label: Any) -> str:
        """The name of a label that came with an image."""
        return _class_name(getattr(self.source, 'classes', None) or [], label)


def to_bands(image: Any, value_range: Range | None = None) -> Tensor:
    """A path, PIL image, array or tensor as ``(C, H, W)`` float32, 0 to 255.

    Raises:
        ValueError: values of an image that is no file are outside 0 to 255.
    """
    if isinstance(image, (str, Path)):
        data = read_file(str(image))
        pixels = decode_image(data, value_range=value_range, bands='all')
    else:
        pixels = _check_values(_to_array(image))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    pixels = np.ascontiguousarray(pixels, np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _to_array(image: Any) -> np.ndarray:
    """A PIL image, array or tensor, channels last."""
    if isinstance(image, Tensor):
        image = image.detach().cpu()
        return (image.permute(1, 2, 0) if image.ndim == 3 else image).numpy()
    return np.asarray(image)


def _check_values(pixels: np.ndarray) -> np.ndarray:
    """Refuse values outside 0 to 255, and scale floats of 0 to 1 to them."""
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(
            f'image values are {pixels.min():g} to {pixels.max():g}: expected 0 to '
            '255, or floats of 0 to 1.'
        )
    is_fraction = np.issubdtype(pixels.dtype, np.floating) and pixels.max() <= 1
    return pixels * 255 if is_fraction else pixels


def fit_bands(bands: Tensor, size: int) -> Tensor:
    """Short edge to 256/224 of the size, center crop, of ``(C, H, W)``."""
    if bands.shape[1:] == (size, size):
        return bands
    scale = size * 256 / 224 / min(bands.shape[1:])
    sides = [max(size, round(side * scale)) for side in bands.shape[1:]]
    resized = functional.interpolate(
        bands[None], sides, mode='bilinear', antialias=True, align_corners=False
    )[0]
    top, left = ((side - size) // 2 for side in sides)
    return resized[:, top : top + size, left : left + size]


def _class_name(classes: Sequence[Any], label: Any) -> str:
    if label is None or label == -1:
        return ''
    if isinstance(label, str):
        return label
    number = int(label)
    return str(classes[number]) if 0 <= number < len(classes) else str(number)


def _source(images: Any) -> Any:
    """A folder or file as a dataset, one image or a batch as a list."""
    if isinstance(images, (str, Path)):
        path = Path(images).expanduser()
        from cld_mm.datasets.image_source import build_image_dataset
        from cld_mm.fileio.image_formats import readable_suffixes

        if path.suffix.lower() in readable_suffixes() and not path.is_dir():
            return [str(path)]
        # LoadImage decides the range of values.
        return build_image_dataset(str(images), pipeline=[{'type': 'LoadImage'}])
    if isinstance(images, Image.Image):
        return [images]
    if isinstance(images, (np.ndarray, Tensor)):
        if images.ndim in (2, 3):
            return [images]
        if images.ndim != 4:
            raise ValueError(
                f'images of shape {tuple(images.shape)}: expected 3 or 4 axes.'
            )
        return list(images)
    if hasattr(images, '__len__') and hasattr(images, '__getitem__'):
        return images
    return list(images)


def _split(item: Any) -> tuple[Any, Any]:
    """Image and label of what a dataset returns."""
    if isinstance(item, dict):
        names = [
            name for name in ('image', 'img', 'inputs', 'pixel_values') if name in item
        ]
        if not names:
            raise ValueError(f'no image among {", ".join(map(str, item))}.')
        return item[names[0]], item.get('label')
    if isinstance(item, (tuple, list)):
        return item[0], _scalar(item[1]) if len(item) > 1 else None
    return item, None


def _scalar(label: Any) -> int | str | None:
    """A class index or name; None for anything else, such as masks."""
    if isinstance(label, str):
        return label
    whole = isinstance(label, (int, np.integer))
    if whole or (isinstance(label, Tensor) and label.ndim == 0):
        return int(label)
    return None


def _to_pil(image: Any, value_range: Range | None) -> Image.Image:
    if isinstance(image, Image.Image) and not image.mode.startswith(('I', 'F')):
        return image
    if isinstance(image, (str, Path)):
        pixels = decode_image(read_file(str(image)), value_range=value_range)
        return Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    array = _to_array(image)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise ValueError(
            f'an image of shape {array.shape}: expected (H, W) or (H, W, 3), or as a '
            'tensor (3, H, W).'
        )
    if array.dtype != np.uint8:
        array = _check_values(array).round().astype(np.uint8)
    return Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array)


def _are_paths(images: Any) -> bool:
    return isinstance(images, (list, tuple)) and all(
        isinstance(image, (str, Path)) for image in images
    )
