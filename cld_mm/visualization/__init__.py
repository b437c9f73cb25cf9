"""Pictures of training, of features and of what is alike."""

from .attention import plot_similarity, similarity_maps
from .confusion import plot_confusion
from .curves import plot_curves
from .embedding import METHODS, embed, plot_embedding
from .montage import group_members, plot_rows
from .neighbours import plot_neighbours

__all__ = [
    'METHODS',
    'embed',
    'group_members',
    'plot_confusion',
    'plot_curves',
    'plot_embedding',
    'plot_neighbours',
    'plot_rows',
    'plot_similarity',
    'similarity_maps',
]
