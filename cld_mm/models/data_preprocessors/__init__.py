"""Data preprocessors: from the loader's bytes to what a backbone reads."""

from .batch_colour import augment_batch
from .views_preprocessor import ViewsPreprocessor

__all__ = ['ViewsPreprocessor', 'augment_batch']
