"""What a dataset decides for its LoadImage: value range and reduced-scale decoding."""

from typing import Any

from mmcv.transforms import Compose as MmcvCompose
from mmengine.dataset import Compose
from mmengine.logging import print_log

from cld_mm.fileio.image_decoding import printable

from .labels import all_datasets
from .transforms.load_image import LoadImage
from .transforms.random_view import RandomView
from .value_range import decide_value_range

Crop = tuple[int, float]


def settle_loading(dataset: Any) -> None:
    """Decide all settings that are 'auto' in the LoadImage of a dataset's pipelines."""
    for node in all_datasets(dataset):
        transforms = parts_of(vars(node).get('pipeline'))
        for position, part in enumerate(transforms):
            if isinstance(part, LoadImage) and part.smallest_crop == 'auto':
                part.smallest_crop = smallest_crop(transforms[position + 1 :])
    decide_value_range(dataset)


def smallest_crop(transforms: list[Any]) -> Crop | None:
    """Size and fraction of area of the smallest crop that a pipeline begins with.

    None where something else than RandomView sees the whole image.
    """
    first = transforms[0] if transforms else None
    if isinstance(first, RandomView):
        return first.size, first.distribution.scale[0]
    branches = getattr(first, 'transforms', None)
    if not branches or not hasattr(first, 'num_views'):  # no MultiView
        return None
    found = [smallest_crop(parts_of(branch)) for branch in branches]
    crops = [crop for crop in found if crop is not None]
    if len(crops) < len(found):
        return None
    return max(size for size, _ in crops), min(fraction for _, fraction in crops)


def parts_of(pipeline: Any) -> list[Any]:
    """The transforms of a pipeline."""
    if isinstance(pipeline, (Compose, MmcvCompose)):
        return list(pipeline.transforms)
    return list(pipeline) if isinstance(pipeline, (list, tuple)) else []


def report_skipped_images(dataset: Any) -> None:
    """Log the broken files that LoadImage skipped so far, each once."""
    paths = set()
    for node in all_datasets(dataset):
        for part in parts_of(vars(node).get('pipeline')):
            if isinstance(part, LoadImage):
                paths |= {
                    node.get_data_info(index)['img_path']
                    for index in part.broken_indices()
                    if index >= 0
                }
    if paths:
        listed = '\n  '.join(printable(path) for path in sorted(paths))
        print_log(
            f'{len(paths)} broken images were skipped:\n  {listed}', 'current', 30
        )
