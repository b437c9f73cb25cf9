"""Loops beside mmengine's."""

from .knn_loop import KNNLoop

__all__ = ['KNNLoop']
