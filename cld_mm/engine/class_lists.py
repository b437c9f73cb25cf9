"""One list of class names for a run: that of its training images.

Predictions of a classifier count along the classes that it was trained on, so every
dataset that it is tested on counts along the same list; see
:mod:`cld_mm.datasets.class_names`.
"""

from typing import Any

from mmengine.logging import print_log
from mmengine.runner.base_loop import BaseLoop
from mmpretrain.models import BaseClassifier
from torch.utils.data import DataLoader

from cld_mm.datasets.class_names import align_classes, read_class_names
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.registry import DATASETS

from .checkpoint import CheckpointError


def with_classes(
    loader: DataLoader | dict, names: list[str] | None, unknown_classes: str = 'error'
) -> DataLoader | dict:
    """A dataloader whose labels count along these names.

    Args:
        loader: built, or the config of one.
        names: as in ``AlignedClasses``: None takes the dataset's own.
        unknown_classes: 'error' or 'exclude', for images of other classes.
    """
    if isinstance(loader, DataLoader):
        own = read_class_names(loader.dataset)
        align_classes(loader.dataset, own or [] if names is None else names)
        return loader
    dataset = {
        'type': 'cld_mm.AlignedClasses',
        'dataset': loader['dataset'],
        'classes': names,
        'unknown_classes': unknown_classes,
    }
    return {**loader, 'dataset': dataset}


def training_classes(runner: Any) -> list[str] | None:
    """Class names that a runner's model was trained on.

    Empty where its labels are numbers only, None where nothing says so.

    From the training images of this run, else from the loaded checkpoint, else from the
    training images that the config names.
    """
    loader = runner._train_dataloader
    if isinstance(runner._train_loop, BaseLoop):
        loader = runner._train_loop.dataloader
    if isinstance(loader, DataLoader):
        return read_class_names(loader.dataset) or []
    if runner.stored_classes:
        return list(runner.stored_classes)
    if not loader or not isinstance(loader.get('dataset'), dict):
        return None
    try:
        dataset = DATASETS.build(loader['dataset'])
        if hasattr(dataset, 'full_init'):
            dataset.full_init()
    except (OSError, ValueError) as error:
        print_log(
            'the checkpoint does not name its classes, and the training images cannot '
            f'be read ({error}): classes are compared by number.',
            'current',
            30,
        )
        return None
    return read_class_names(dataset) or []


def with_training_classes(
    runner: Any, loader: DataLoader | dict, loop: BaseLoop | dict
) -> DataLoader | dict:
    """A loop's dataloader whose labels count along the classes of training."""
    # KNNLoop has training images of its own.
    if isinstance(loop, BaseLoop) or loop.get('type') == 'KNNLoop':
        return loader
    names = training_classes(runner)
    unknown = runner.cfg.get('unknown_classes', 'error')
    return loader if names is None else with_classes(loader, names, unknown)


def check_same_classes(runner: Any, filename: str) -> None:
    """Check that a resumed classifier's outputs keep their meaning.

    Raises:
        CheckpointError: the training images have other classes than the checkpoint.
    """
    model = unwrap_model(runner.model)
    names = read_class_names(runner.train_dataloader.dataset)
    stored = [str(name) for name in runner.stored_classes or []]
    if not (isinstance(model, BaseClassifier) and stored and names):
        return
    if stored != names:
        differing = sorted({*stored} ^ {*names}) or ['their order']
        raise CheckpointError(
            f'{filename} is a classifier of {len(stored)} classes, but the '
            f'training images have {len(names)}, and they differ in '
            f'{", ".join(differing[:5])}: resume with the same classes, or start '
            'a new run with load_from.'
        )
