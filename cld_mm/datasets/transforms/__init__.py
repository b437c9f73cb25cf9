"""Transforms: views of an image."""

from .jigsaw import JigsawPatches
from .views import SeededMultiView, seeded_random

__all__ = ['JigsawPatches', 'SeededMultiView', 'seeded_random']
