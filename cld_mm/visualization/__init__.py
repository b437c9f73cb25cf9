"""Pictures of training curves, features and similar images."""

from .attention import plot_similarity, similarity_maps
from .confusion import plot_confusion
from .curves import plot_curves
from .embedding import METHODS, plot_embedding, project
from .montage import group_members, plot_rows
from .neighbors import plot_neighbors

__all__ = [
    'METHODS',
    'group_members',
    'plot_confusion',
    'plot_curves',
    'plot_embedding',
    'plot_neighbors',
    'plot_rows',
    'plot_similarity',
    'project',
    'similarity_maps',
]
