"""A pipeline's smallest crop decides at which scale JPEGs are decoded."""

from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

from cld_mm.datasets.loading_settings import settle_loading
from cld_mm.datasets.transforms import LoadImage
from cld_mm.registry import DATASETS

VIEW = {'type': 'RandomView', 'size': 32, 'scale': (0.2, 1.0)}
SMALL = {'type': 'RandomView', 'size': 16, 'scale': (0.1, 0.3)}
PLAIN = {'type': 'Resize', 'scale': 32}


def two(*views: dict) -> dict:
    return {
        'type': 'SeededMultiView',
        'num_views': [1] * len(views),
        'transforms': [[view] for view in views],
    }


@pytest.mark.parametrize(
    ('after', 'crop'),
    [
        ([VIEW], (32, 0.2)),
        ([two(VIEW)], (32, 0.2)),
        ([two(VIEW, SMALL)], (32, 0.1)),
        ([two(VIEW, PLAIN)], None),
        ([PLAIN, two(VIEW)], None),
        ([PLAIN], None),
        ([], None),
    ],
)
def test_the_smallest_crop_of_a_pipeline(
    tmp_path: Path, after: list[dict], crop: tuple | None
) -> None:
    (tmp_path / 'x.jpg').touch()
    with DefaultScope.overwrite_default_scope('cld_mm'):
        dataset = DATASETS.build(
            {
                'type': 'ImageFolder',
                'data_root': str(tmp_path),
                'with_label': False,
                'pipeline': [{'type': 'LoadImage'}, *after],
            }
        )
    settle_loading(dataset)
    load = dataset.pipeline.transforms[0]
    assert isinstance(load, LoadImage)
    assert load.smallest_crop == crop
