"""Transforms: views of an image."""

from .views import SeededMultiView, seeded_random

__all__ = ['SeededMultiView', 'seeded_random']
