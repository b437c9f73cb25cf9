"""Transforms: reading an image, and views of it."""

from cld_mm.augmentation.view_parameters import CROP, ERASED, Column, ViewDistribution

from .jigsaw import JigsawPatches
from .load_image import LoadImage
from .pack_views import PackViews, collate_views
from .random_view import RandomView
from .seeded_compose import SeededCompose
from .views import SeededMultiView, seeded_random

__all__ = [
    'CROP',
    'ERASED',
    'Column',
    'JigsawPatches',
    'LoadImage',
    'PackViews',
    'RandomView',
    'SeededCompose',
    'SeededMultiView',
    'ViewDistribution',
    'collate_views',
    'seeded_random',
]
