"""Ids of the objects that images show, where a dataset names them.

Kitchen-HC and other multi-view data show one object in several images. Retrieval by
instance looks for images of the same object, not only of its class.
"""

import re
from typing import Any

from torch import Tensor, tensor


def assign_object_ids(*datasets: Any) -> list[Tensor] | None:
    """Numbers of the objects that images show, the same over all datasets.

    A dataset says so by ``gt_instance`` (any name or number) in the records of its
    data list, or, for records without it, by ``instance_pattern`` in its ``metainfo``:
    a regular expression whose first group, found in an image's path, is the object's
    name, such as ``r'([^/]+)_view\\d+'``. Where the pattern has several groups, all
    make the name.

    Args:
        datasets: of mmengine's kind, fully initialized.

    Returns:
        ``(N,)`` for each dataset, or None where not every image has an instance.

    Raises:
        ValueError: a pattern fits some images and not others.
    """
    names = []
    for dataset in datasets:
        found = _names(dataset)
        if found is None:
            return None
        names.append(found)
    known: dict[Any, int] = {}
    return [
        tensor([known.setdefault(name, len(known)) for name in found])
        for found in names
    ]


def _names(dataset: Any) -> list[Any] | None:
    pattern = getattr(dataset, 'metainfo', {}).get('instance_pattern')
    names: list[Any] = []
    for place in range(len(dataset)):
        record = dataset.get_data_info(place)
        if 'gt_instance' in record:
            names.append(str(record['gt_instance']))
            continue
        if pattern is None:
            return None  # at the first record where no dataset names objects
        found = re.search(pattern, str(record.get('img_path', '')))
        if found is None or not found.groups():
            raise ValueError(
                f'metainfo.instance_pattern {pattern!r} finds no group in '
                f'{record.get("img_path")}: write one that fits every path.'
            )
        names.append(found.groups())
    return names
