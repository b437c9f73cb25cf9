"""Transforms: reading an image, and views of it."""

from .jigsaw import JigsawPatches
from .load_image import LoadImage
from .seeded_compose import SeededCompose
from .views import SeededMultiView, seeded_random

__all__ = [
    'JigsawPatches',
    'LoadImage',
    'SeededCompose',
    'SeededMultiView',
    'seeded_random',
]
