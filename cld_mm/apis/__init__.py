"""The Python API: what scripts and notebooks call."""

from typing import TYPE_CHECKING, Any

from .embeddings import Embeddings

if TYPE_CHECKING:
    from cld_mm.converters.export_backbone import export_backbone
    from cld_mm.evaluation.feature_extraction import extract_features

    from .compare_networks import Comparison, compare
    from .embed_images import embed
    from .encoder import Encoder, init_model
    from .explore_images import explore
    from .pretrain_images import pretrain

__all__ = [
    'Comparison',
    'Embeddings',
    'Encoder',
    'compare',
    'embed',
    'explore',
    'export_backbone',
    'extract_features',
    'init_model',
    'pretrain',
]
_PLACES = {
    'Comparison': '.compare_networks',
    'compare': '.compare_networks',
    'Encoder': '.encoder',
    'embed': '.embed_images',
    'explore': '.explore_images',
    'export_backbone': 'cld_mm.converters.export_backbone',
    'extract_features': 'cld_mm.evaluation.feature_extraction',
    'init_model': '.encoder',
    'pretrain': '.pretrain_images',
}


def __getattr__(name: str) -> Any:
    """Import a function when it is first asked for: each needs other libraries."""
    if name not in _PLACES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module

    import cld_mm.registry  # noqa: F401  the version shims come before mmpretrain

    found = getattr(import_module(_PLACES[name], __name__), name)
    globals()[name] = found  # the submodule of the same name must not hide it
    return found
