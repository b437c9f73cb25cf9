"""Data preprocessors: from the loader's bytes to what a backbone reads."""

from .batch_colour import augment_batch
from .batch_crop import crop_batch
from .views_preprocessor import ViewsPreprocessor

__all__ = ['ViewsPreprocessor', 'augment_batch', 'crop_batch']
