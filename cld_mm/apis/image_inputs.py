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
from cld_mm.fileio.image_decoding import decode_image, read_file


class ImageInputs(Dataset):
    """Images of one size, with names and perhaps labels.

    Args:
        images: a folder, list file or the like; paths; PIL images; NumPy arrays
            ``(H, W)`` or ``(H, W, 3)``, 0 to 255; tensors ``(C, H, W)``, 0 to 255 or
            floats of 0 to 1; a dataset of any of these, also with labels. Other
            numbers of channels than three keep their depth.
        size: images are resized and cropped to this side.
        in_channels: 3 for RGB, 1 for gray, or the number of bands.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: there are no images.
    """

    def __init__(self, images: Any, size: int, in_channels: int = 3) -> None:
        self.size = size
        self.in_channels = in_channels
        self.mode = 'L' if in_channels == 1 else 'RGB'
        self.source = _source(images)
        self.is_mm = hasattr(self.source, 'get_data_info')
        if not len(self.source):
            raise ValueError('there are no images to embed.')

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
                image = read(self.source, index)
            except OSError as error:
                return None, str(error)
        if self.in_channels != 3:
            bands = to_bands(image)
            if bands.shape[0] == self.in_channels:
                return fit_bands(bands, self.size), label
            if self.in_channels != 1:
                raise ValueError(
                    f'an image of {bands.shape[0]} bands: the backbone takes '
                    f'{self.in_channels}.'
                )
        pixels = np.array(self._fit(_to_pil(image)))
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


def to_bands(image: Any) -> Tensor:
    """A path, PIL image, array or tensor as ``(C, H, W)`` float32, 0 to 255."""
    if isinstance(image, (str, Path)):
        image = decode_image(read_file(str(image)), bands='all')
    if isinstance(image, Tensor):
        bands = image.detach().cpu()
        whole = not bands.is_floating_point() or float(bands.max()) > 1
        return (bands if whole else bands * 255).float()
    pixels = np.asarray(image, np.float32)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)


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
        return build_image_dataset(str(images))
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


def _to_pil(image: Any) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    if isinstance(image, (str, Path)):
        pixels = decode_image(read_file(str(image)))
        return Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    if isinstance(image, Tensor):
        image = image.detach().cpu()
        if image.is_floating_point() and float(image.max()) <= 1 and image.min() >= 0:
            image = image * 255
        image = image.permute(1, 2, 0).numpy() if image.ndim == 3 else image.numpy()
    array = np.asarray(image)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise ValueError(
            f'an image of shape {array.shape}: expected (H, W) or (H, W, 3), or as a '
            'tensor (3, H, W).'
        )
    if array.dtype != np.uint8:
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
            raise ValueError(
                f'image values are {array.min():g} to {array.max():g}: expected 0 to '
                '255.'
            )
        array = array.round().astype(np.uint8)
    return Image.fromarray(array.squeeze())
