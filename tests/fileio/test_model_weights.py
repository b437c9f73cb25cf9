"""A model's parts are loaded as a whole or not at all, the backbone always."""

import pytest
import torch

from cld_mm.fileio.model_weights import load_model_weights, missing_parts
from tests.helpers.tiny_models import CLD, tiny_moco


def scrambled(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value + 1 for key, value in model.state_dict().items()}


def test_its_own_checkpoint_loads_whole() -> None:
    model = tiny_moco(CLD)
    given = scrambled(model)
    report = load_model_weights(model, {'state_dict': given}, 'epoch_1.pth')
    assert report.missing == []
    assert all(torch.equal(model.state_dict()[key], given[key]) for key in given)


def test_a_backbone_alone_leaves_the_rest_random() -> None:
    model = tiny_moco()
    weights = {
        key.removeprefix('backbone.'): value
        for key, value in scrambled(model).items()
        if key.startswith('backbone.')
    }
    report = load_model_weights(model, weights, 'backbone.pth')
    assert missing_parts(report) == {'neck', 'momentum_encoder', 'queue'}
    assert torch.equal(model.backbone.conv1.weight, weights['conv1.weight'])


def test_another_backbone_is_refused() -> None:
    model, other = tiny_moco(), torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match='no weight of ResNet_CIFAR'):
        load_model_weights(model, other.state_dict(), 'linear.pth')


def test_half_a_neck_is_refused() -> None:
    model = tiny_moco()
    given = scrambled(model)
    del given['neck.trunk.0.bias']
    with pytest.raises(ValueError, match=r"MoCo's neck .*neck\.trunk\.0\.bias"):
        load_model_weights(model, given, 'epoch_1.pth')


def test_a_queue_of_another_length_starts_anew() -> None:
    model = tiny_moco(queue_len=40)
    before = model.queue.features.clone()
    report = load_model_weights(model, scrambled(tiny_moco()), 'epoch_1.pth')
    assert missing_parts(report) == {'queue'}
    assert torch.equal(model.queue.features, before)
    assert model.queue.pointer == 0


def test_weights_that_several_ranks_saved_are_recognized() -> None:
    model = tiny_moco()
    given = {f'module.{key}': value for key, value in scrambled(model).items()}
    assert load_model_weights(model, given, 'epoch_1.pth').missing == []


def test_the_report_says_what_stays_random() -> None:
    model = tiny_moco()
    given = {k: v for k, v in scrambled(model).items() if k.startswith('backbone.')}
    report = load_model_weights(model, given, 'epoch_1.pth')
    assert 'randomly initialized: ' + report.missing[0] in str(report)
    order = list(model.state_dict())  # not that of a set, which differs between runs
    assert report.missing == sorted(report.missing, key=order.index)
