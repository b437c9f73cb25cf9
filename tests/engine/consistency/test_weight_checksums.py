"""One flipped bit changes the checksum of one weight."""

from typing import Any

import torch

from cld_mm.engine.consistency.weight_checksums import checksums, shared_tensors
from tests.helpers.tiny_models import tiny_moco


def test_one_bit_changes_a_checksum() -> None:
    tensors = list(shared_tensors(tiny_moco()).values())
    before = checksums(tensors)
    assert torch.equal(before, checksums([t.clone() for t in tensors]))
    flat = tensors[5].view(-1).view(torch.int32)
    flat[0] ^= 1
    changed = checksums(tensors) != before
    assert changed.nonzero().flatten().tolist() == [5]


def _losses(seed: int) -> Any:
    torch.use_deterministic_algorithms(True)
    try:
        torch.manual_seed(seed)
        model = tiny_moco()
        optimizer = torch.optim.SGD(
            [p for p in model.parameters() if p.requires_grad], lr=0.1
        )
        generator = torch.Generator().manual_seed(seed)
        for _ in range(3):
            views = [torch.randn(6, 3, 8, 8, generator=generator) for _ in range(2)]
            loss = model.loss(views)['loss_instance']
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return checksums(list(shared_tensors(model).values()))
    finally:
        torch.use_deterministic_algorithms(False)


def test_deterministic_mode_gives_the_same_bits_twice() -> None:
    assert torch.equal(_losses(3), _losses(3))
    assert not torch.equal(_losses(3), _losses(4))
