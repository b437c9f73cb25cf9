"""Memory: any subclass is protected by what it declares."""

import torch
from torch import nn

from cld_mm.engine.consistency.weight_checksums import shared_tensors
from cld_mm.models.memories import (
    AssignmentQueue,
    FeatureQueue,
    Memory,
    MemoryBank,
    ShardedMemoryBank,
    memories,
)


class RunningCenter(Memory):
    """A memory of somebody else, who overrides nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('center', torch.zeros(3))
        self.register_buffer('steps', torch.zeros((), dtype=torch.long))

    def update(self, value: float) -> None:
        self.center.add_(value)
        self.steps.add_(1)


class OwnCenter(RunningCenter):
    shared = False


def model_with_all() -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            'layer': nn.Linear(2, 2),
            'theirs': RunningCenter(),
            'own': OwnCenter(),
            'queue': FeatureQueue(3, 2),
            'bank': MemoryBank(3, 2),
            'sharded': ShardedMemoryBank(3, 2),
        }
    )


def test_all_memories_are_found() -> None:
    names = set(memories(model_with_all()))
    assert names == {'theirs', 'own', 'queue', 'bank', 'sharded'}


def test_only_shared_ones_are_compared_between_ranks() -> None:
    names = set(shared_tensors(model_with_all()))
    assert names == {
        'layer.weight', 'layer.bias', 'theirs.center', 'theirs.steps',
        'queue.features', 'queue.pointer', 'bank.features',
    }  # fmt: skip


def test_floating_buffers_must_be_finite() -> None:
    assert set(RunningCenter().must_be_finite()) == {'center'}
    assert set(FeatureQueue(3, 2).must_be_finite()) == {'features'}
    assert set(ShardedMemoryBank(3, 2).must_be_finite()) == {'features'}


def test_a_memory_that_overrides_nothing_is_restored() -> None:
    memory = RunningCenter()
    memory.update(1.0)
    memory.start_recording()
    memory.update(float('nan'))
    memory.update(2.0)
    memory.undo()
    assert memory.center.tolist() == [1, 1, 1]
    assert int(memory.steps) == 1


def test_nothing_is_copied_unless_recording() -> None:
    queue = FeatureQueue(4, 2)
    queue.enqueue(torch.ones(3, 2))
    assert queue.overwritten is None
    queue.start_recording()
    queue.enqueue(torch.ones(3, 2))
    copied = sum(old.numel() for _, _, old in queue.overwritten or [])
    assert copied == 3 * 2 + 1  # the rows and the pointer, not the whole queue


def test_swavs_queue_restores_the_prototypes_too() -> None:
    prototypes = nn.Linear(2, 5)
    queue = AssignmentQueue(2, 3, 2, prototypes)
    assert [name for name, _ in queue.named_parameters()] == []
    before = prototypes.weight.detach().clone()
    queue.start_recording()
    with torch.no_grad():
        prototypes.weight.mul_(2)
        queue.rows.fill_(1)
    queue.undo()
    assert torch.equal(prototypes.weight, before)
    assert not queue.rows.any()
