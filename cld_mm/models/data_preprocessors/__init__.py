"""Data preprocessors: from the loader's bytes to what a backbone reads."""

import cld_mm.registry  # noqa: F401 applies version shims before mmpretrain
from cld_mm.augmentation.color_batch import augment_batch
from cld_mm.augmentation.crop_batch import crop_batch

from .views_preprocessor import ViewsPreprocessor

__all__ = ['ViewsPreprocessor', 'augment_batch', 'crop_batch']
