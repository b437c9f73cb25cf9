"""Pictures of training and of what features are alike."""

from .curves import plot_curves, read_scalars
from .neighbours import plot_neighbours

__all__ = ['plot_curves', 'plot_neighbours', 'read_scalars']
