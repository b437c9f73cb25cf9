"""Settings that do not fit the data are refused before the first step."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmpretrain.evaluation import Accuracy
from mmpretrain.models import LinearClsHead
from torch import nn
from torch.utils.data import DataLoader

from cld_mm.config.command_line_overrides import merge_options
from cld_mm.engine.hooks.dataset_check import (
    check_last_batch,
    check_num_classes,
    check_top_k,
)
from tests.helpers.tiny_models import tiny_moco


class Labeled(BaseDataset):
    """A dataset without images, with labels."""

    def __init__(self, classes: int, images: int = 12, names: bool = True) -> None:
        self.rows = [{'gt_label': index % classes} for index in range(images)]
        listed = [f'class {index}' for index in range(classes)]
        super().__init__(metainfo={'classes': listed} if names else None)

    def load_data_list(self) -> list[dict]:
        return self.rows


def classifier(outputs: int) -> nn.Module:
    model = nn.Module()
    model.head = LinearClsHead(outputs, 4)
    return model


@pytest.mark.parametrize('names', [True, False])
def test_a_head_with_too_few_outputs_names_the_setting(names: bool) -> None:
    with pytest.raises(ValueError, match=r'set model.head.num_classes=3') as raised:
        check_num_classes(classifier(2), Labeled(3, names=names))
    advised = int(str(raised.value).rstrip('.').rsplit('=', 1)[1])
    check_num_classes(classifier(advised), Labeled(3, names=names))


def test_a_head_may_have_outputs_for_other_data() -> None:
    check_num_classes(classifier(10), Labeled(3))


@pytest.mark.parametrize('is_list', [True, False])
def test_top_5_of_three_classes_is_refused_and_the_advice_works(is_list: bool) -> None:
    evaluator: dict = {'type': 'Accuracy', 'topk': (1, 5)}
    cfg = Config({'val_evaluator': [evaluator] if is_list else evaluator})
    loop = SimpleNamespace(
        evaluator=SimpleNamespace(metrics=[Accuracy(topk=(1, 5))]),
        train_dataloader=DataLoader(Labeled(3)),
    )
    with pytest.raises(ValueError, match='there are 3 classes: set') as raised:
        check_top_k(nn.Module(), loop, cfg, 'val_evaluator')
    key, _, value = str(raised.value).split('set ')[1].rstrip('.').partition('=')
    from cld_mm.cli.arguments import parse_value

    merge_options(cfg, {key: parse_value(value.strip('"'))})
    found = cfg.val_evaluator[0] if is_list else cfg.val_evaluator
    loop.evaluator.metrics = [Accuracy(topk=found.topk)]
    check_top_k(nn.Module(), loop, cfg, 'val_evaluator')


def test_top_5_of_a_classifier_counts_its_outputs() -> None:
    loop = SimpleNamespace(evaluator=SimpleNamespace(metrics=[Accuracy(topk=(1, 5))]))
    check_top_k(classifier(5), loop, Config(), 'test_evaluator')
    with pytest.raises(ValueError, match=r'test_evaluator.0.topk is \(1, 5\)'):
        check_top_k(classifier(4), loop, Config(), 'test_evaluator')


@pytest.mark.parametrize(
    ('images', 'size', 'drop_last', 'fails'),
    [
        (9, 4, False, True),
        (9, 4, True, False),
        (8, 4, False, False),
        (10, 4, False, False),
        (5, 4, False, True),
    ],
)
def test_a_last_batch_of_one_image(
    images: int, size: int, drop_last: bool, fails: bool
) -> None:
    loader = DataLoader(Labeled(3, images), batch_size=size, drop_last=drop_last)
    model = tiny_moco()
    if fails:
        with pytest.raises(ValueError, match=r'train_dataloader\.drop_last=True'):
            check_last_batch(model, loader)
    else:
        check_last_batch(model, loader)


def test_one_image_is_enough_where_nothing_compares_images() -> None:
    check_last_batch(classifier(3), DataLoader(Labeled(3, 9), batch_size=4))
    model = nn.Sequential(nn.BatchNorm1d(4))
    with pytest.raises(ValueError, match='last batch of one image'):
        check_last_batch(model, DataLoader(Labeled(3, 9), batch_size=4))
