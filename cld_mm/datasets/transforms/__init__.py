"""Transforms: reading an image, and views of it."""

from .jigsaw import JigsawPatches
from .load_image import LoadImage
from .views import SeededMultiView, seeded_random

__all__ = ['JigsawPatches', 'LoadImage', 'SeededMultiView', 'seeded_random']
