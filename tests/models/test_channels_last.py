"""use_channels_last: convolutions that crash on some CPUs compute the same."""

import copy

import pytest
import torch
from torch import nn

from cld_mm.models.utils.channels_last import use_channels_last
from cld_mm.registry import MODELS


@pytest.mark.parametrize('channels', [1, 3, 4, 7, 12])
@pytest.mark.parametrize('stride', [2, (2, 1), 3])
def test_narrow_strides_compute_the_same(channels: int, stride: int) -> None:
    plain = nn.Conv2d(channels, 5, 1, stride).double()
    narrow = nn.Sequential(copy.deepcopy(plain))
    use_channels_last(narrow)
    assert narrow[0].stride == (1, 1)
    images = torch.randn(2, channels, 9, 8, dtype=torch.double)
    one, two = images.clone().requires_grad_(), images.clone().requires_grad_()
    for network, own in ((plain, one), (copy.deepcopy(narrow), two)):
        out = network(own)
        out.square().sum().backward()
    torch.testing.assert_close(narrow(two), plain(one))
    torch.testing.assert_close(two.grad, one.grad)


@pytest.mark.parametrize(
    'module',
    [
        nn.Conv2d(8, 5, 1, 2),
        nn.Conv2d(4, 5, 1),
        nn.Conv2d(4, 5, 3, 2),
        nn.Conv2d(4, 5, 1, 2, padding=1),
    ],
)
def test_other_convolutions_stay(module: nn.Conv2d) -> None:
    stride = module.stride
    use_channels_last(nn.Sequential(module))
    assert module.stride == stride
    assert not module._forward_pre_hooks


def test_algorithms_have_no_convolution_that_crashes() -> None:
    backbone = {'type': 'ResNet_CIFAR', 'depth': 18, 'stem_channels': 4}
    model = MODELS.build(
        {
            'type': 'MoCo',
            'backbone': {**backbone, 'base_channels': 4},
            'neck': {'type': 'NormMLP', 'in_channels': 32, 'out_channels': 8},
            'head': {'type': 'InfoNCEHead'},
            'queue_len': 16,
            'feat_dim': 8,
        }
    )
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels % 8:
            assert module.kernel_size != (1, 1) or module.stride == (1, 1)
