"""A step waits for nothing, copies no queue, and its switches keep its values."""

import copy
import itertools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch.utils._python_dispatch import TorchDispatchMode

from cld_mm.cli.allocators import keep_freed_memory
from cld_mm.engine.hooks.non_finite_loss import NonFiniteLossHook
from cld_mm.models.losses import checks
from cld_mm.models.memories import FeatureQueue
from cld_mm.models.utils import device as device_module
from tests.helpers.tiny_models import CLD, numbered_samples, tiny_algorithm, tiny_moco
from tests.helpers.watched_operations import Watch


def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the ways that are a GPU's."""
    monkeypatch.setattr(device_module, 'on_cpu', lambda tensor: False)


@pytest.mark.parametrize(
    ('name', 'cld'),
    list(itertools.product(['MoCo', 'NPID', 'NPID-NCE', 'BYOL'], [None, CLD])),
)
def test_a_step_waits_for_nothing(
    name: Any, cld: Any, views: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_gpu(monkeypatch)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = tiny_algorithm(name, cld).to(device)
    needed = [view.to(device) for view in views[: model.num_views]]
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    data = {'inputs': needed, 'data_samples': numbered_samples(6)}
    model.train_step(data, wrapper)  # the first may estimate and initialize
    queue = getattr(model, 'queue', None)
    with Watch(None if queue is None else queue.features) as watch:
        if device == 'cuda':
            torch.cuda.set_sync_debug_mode('error')
        try:
            model.train_step(data, wrapper)
        finally:
            if device == 'cuda':
                torch.cuda.set_sync_debug_mode('default')
    assert watch.waiting == []
    assert watch.copies == []


def test_the_watch_sees_what_it_should() -> None:
    x = torch.randn(5, 3)
    with Watch(x) as watch:
        x[x[:, 0] > 0], x.sum().item(), x.unique(), x.clone(), x.t()
    with Watch() as moving:
        x.to('meta', non_blocking=True), torch.empty(5, 3, device='meta').copy_(x, True)
        x.to('meta'), torch.empty(5, 3, device='meta').copy_(x)
    assert moving.waiting == ['_to_copy', 'copy_']
    assert {'_local_scalar_dense', '_unique2', 'index'} <= set(watch.waiting)
    assert watch.copies == ['clone']


@pytest.mark.parametrize(
    ('kept', 'casts'), [('float32', 1), ('float16', 0)], ids=lambda x: str(x)
)
def test_mixed_precision_casts_the_queue_once_at_most(
    kept: str, casts: int, views: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_gpu(monkeypatch)
    checks._checked_devices.add(torch.device('cpu'))  # as after the first step
    model = tiny_moco(CLD, queue_len=701, queue_dtype=kept)
    half = torch.autocast('cpu', torch.float16)
    with Watch(model.queue.features) as watch, half:
        parts = model.loss(views)
        sum(v for name, v in parts.items() if 'loss' in name).backward()
    assert watch.copies.count('_to_copy') == casts
    assert set(watch.copies) <= {'_to_copy', 't', 'split'}  # views of the cast one
    assert watch.waiting == []


class Count(TorchDispatchMode):
    """How many operations are dispatched; a multi-tensor one is one."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        self.operations += 1
        return func(*args, **(kwargs or {}))


def operations_after_backward(depth: Any, views: list[torch.Tensor]) -> tuple:
    """Operations of optimizer, average and check of a model's second step."""
    small = {'type': 'ResNet_CIFAR', 'stem_channels': 4, 'base_channels': 4}
    model = tiny_moco(CLD, backbone={**small, 'depth': depth})
    # foreach is torch's default on a GPU.
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, foreach=True)
    model.follow_optimizer(optimizer)
    hook = NonFiniteLossHook()
    runner = SimpleNamespace(model=model)
    for _ in range(2):
        optimizer.zero_grad()
        parts = model.loss(views)
        sum(v for name, v in parts.items() if 'loss' in name).backward()
        with Count() as count:
            hook._check_step(runner, optimizer)
            optimizer.step()
    return count.operations, len(list(model.parameters()))


def test_no_operation_goes_parameter_by_parameter(views: list[torch.Tensor]) -> None:
    few, small = operations_after_backward(18, views)
    many, large = operations_after_backward(34, views)
    assert large > 1.5 * small
    assert many == few < 20


def saved_bytes(model: Any, views: list[torch.Tensor]) -> tuple:
    """Bytes kept for the backward pass, and the loss."""
    sizes = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        parts = model.loss(views)
    return sum(sizes.values()), sum(v for name, v in parts.items() if 'loss' in name)


def test_checkpointing_saves_memory_and_changes_nothing(
    views: list[torch.Tensor],
) -> None:
    plain = tiny_moco(CLD)
    saving = tiny_moco(
        CLD,
        backbone={
            'type': 'ResNet_CIFAR',
            'depth': 18,
            'stem_channels': 4,
            'base_channels': 4,
            'zero_init_residual': False,
            'with_cp': True,
        },
    )
    saving.load_state_dict(plain.state_dict())
    (many, one), (few, two) = saved_bytes(plain, views), saved_bytes(saving, views)
    assert few < 0.6 * many
    one.backward(), two.backward()
    for (name, a), b in zip(plain.named_parameters(), saving.parameters(), strict=True):
        if a.requires_grad:
            torch.testing.assert_close(a.grad, b.grad, msg=name)
    for name, value in plain.state_dict().items():  # statistics among them
        torch.testing.assert_close(saving.state_dict()[name], value, msg=name)
    copied = copy.deepcopy(saving)  # as the EMA encoder is
    block, other = (m.backbone.layer1[0] for m in (saving, copied))
    assert other.forward.block is other
    assert block.forward.block is block


STOCHASTIC_DEPTH = {  # mmpretrain takes its rates from np.linspace
    'type': 'VisionTransformer',
    'arch': {
        'embed_dims': 32, 'num_layers': 2, 'num_heads': 2, 'feedforward_channels': 32,
    },
    'img_size': 8,
    'patch_size': 4,
    'out_type': 'cls_token',
}  # fmt: skip


@pytest.mark.parametrize('backbone', [{}, {'backbone': STOCHASTIC_DEPTH}])
def test_compiled_backbones_keep_values_and_names(
    backbone: dict, views: list[torch.Tensor]
) -> None:
    plain = tiny_moco(**backbone)
    compiled = copy.deepcopy(plain)
    compiled.compile_passes(backend='eager')
    one, two = plain.loss(views[:2]), compiled.loss(views[:2])
    torch.testing.assert_close(one['loss_instance'], two['loss_instance'])
    assert list(plain.state_dict()) == list(compiled.state_dict())


def test_a_queue_of_half_the_size(views: list[torch.Tensor], tmp_path: Path) -> None:
    full, half = tiny_moco(CLD), tiny_moco(CLD, queue_dtype='float16')
    half.load_state_dict(full.state_dict())
    assert half.queue.features.dtype == torch.float16
    one, two = full.loss(views)['loss_instance'], half.loss(views)['loss_instance']
    torch.testing.assert_close(one, two, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(half.queue.features, full.queue.features.half())
    torch.save(half.state_dict(), tmp_path / 'half.pth')
    resumed = tiny_moco(CLD, queue_dtype='float16')
    resumed.load_state_dict(torch.load(tmp_path / 'half.pth'))
    assert torch.equal(resumed.queue.features, half.queue.features)
    with pytest.raises(ValueError, match="queue_dtype must be 'float32' or"):
        FeatureQueue(4, 2, 'int8')
    with pytest.raises(ValueError, match=r'take 80000.0 GB.*; lower queue_len'):
        FeatureQueue(10**10, 2000)


def test_allocators_leave_a_users_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PYTORCH_CUDA_ALLOC_CONF', 'max_split_size_mb:64')
    monkeypatch.setenv('MALLOC_TRIM_THRESHOLD_', '131072')
    assert not keep_freed_memory()
    assert os.environ['PYTORCH_CUDA_ALLOC_CONF'] == 'max_split_size_mb:64'
    monkeypatch.delenv('PYTORCH_CUDA_ALLOC_CONF')
    monkeypatch.setenv('PYTORCH_ALLOC_CONF', 'max_split_size_mb:64')
    assert not keep_freed_memory()
    assert 'PYTORCH_CUDA_ALLOC_CONF' not in os.environ
    monkeypatch.delenv('PYTORCH_ALLOC_CONF')
    assert not keep_freed_memory()
    assert os.environ['PYTORCH_CUDA_ALLOC_CONF'] == 'expandable_segments:True'
