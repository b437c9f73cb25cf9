"""Explore images by their embeddings: one folder with a page and CSV files."""

from collections.abc import Sequence
from pathlib import Path

from cld_mm.explore.explore import Exploration, explore_features, timed, write_tables
from cld_mm.explore.page import write_page

from .embeddings import Embeddings


def explore(
    embeddings: Embeddings | str | Path,
    out: str | Path,
    num_select: int = 100,
    num_outliers: int = 100,
    levels: Sequence[int] | None = None,
    duplicate_threshold: float = 0.98,
    map_method: str = 'auto',
    image_root: str | Path | None = None,
    max_thumbnails: int = 5000,
    seed: int = 0,
) -> Exploration:
    """Write a page and tables about images, and return what was found.

    ``out`` gets ``explore.html``, which works offline, and as CSV files ``images``,
    ``groups``, ``duplicates``, ``outliers``, ``subset`` and ``neighbors``.

    Args:
        embeddings: of at least 3 images, or a file of them.
        out: folder for the results.
        num_select: size of the diverse subset to label first.
        num_outliers: how many outliers are listed.
        levels: numbers of groups; by default 8, 32 and 128 if there are enough images.
        duplicate_threshold: smallest cosine of near-duplicates.
        map_method: 'umap', 'tsne', 'pca', or 'auto': UMAP if umap-learn is installed,
            else t-SNE up to 5000 images, else PCA.
        image_root: folder that relative file names start from.
        max_thumbnails: images on the page at most; the tables have all.
        seed: of the random numbers.

    Raises:
        FileNotFoundError: there is no such file of embeddings.
        ValueError: features are not finite, or a setting is out of range.
        ImportError: UMAP without umap-learn.

    Example:
        >>> found = explore('embeddings.npz', 'explored', num_select=50)
        >>> print(found.page)
    """
    if not isinstance(embeddings, Embeddings):
        embeddings = Embeddings.load(embeddings)
    if max_thumbnails < 1:
        raise ValueError(f'max_thumbnails must be at least 1, got {max_thumbnails}.')
    found = explore_features(
        embeddings.features,
        embeddings.files,
        embeddings.labels,
        levels,
        num_select,
        num_outliers,
        duplicate_threshold,
        map_method,
        seed,
    )
    folder = Path(out)
    with timed(found.seconds, 'tables'):
        write_tables(found, folder)
    with timed(found.seconds, 'page'):
        root = None if image_root is None else Path(image_root)
        write_page(found, folder, root, max_thumbnails)
    return found
