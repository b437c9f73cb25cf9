"""Compiled passes equal plain ones with the backend that training uses."""

import copy
import shutil

import pytest
import torch

from tests.helpers.tiny_models import CLD, tiny_moco

SMALL_VIT = {  # compiles in a fraction of a ResNet's time
    'type': 'VisionTransformer',
    'arch': {
        'embed_dims': 32,
        'num_layers': 1,
        'num_heads': 2,
        'feedforward_channels': 32,
    },
    'img_size': 8,
    'patch_size': 4,
    'out_type': 'cls_token',
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which('g++') is None, reason='inductor needs a compiler')
def test_losses_and_gradients_equal_with_inductor(views: list[torch.Tensor]) -> None:
    plain = tiny_moco(CLD, num_queries=2, backbone=SMALL_VIT)
    compiled = copy.deepcopy(plain)
    compiled.compile_passes()
    found = []
    for model in (plain, compiled):
        torch.manual_seed(0)
        losses = model.loss(views)
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        gradients = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        found.append({**losses, **gradients})
    assert len(found[0]) > 20
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-5)
