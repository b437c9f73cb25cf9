"""Short measurements before a run: memory per image, and seconds per step."""

import os
import time
from typing import Any

import torch
from torch import Tensor, nn

# Part of the free memory that a step may take.
MEMORY_SHARE = 0.6


def feature_size(backbone: nn.Module, size: int, in_channels: int = 3) -> int:
    """Size of a backbone's pooled feature, by encoding two empty images.

    Raises:
        ValueError: the backbone does not take images of this size.
    """
    from cld_mm.models.layers import pooled

    images = torch.zeros(2, in_channels, size, size)
    training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            features = pooled(backbone(images))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise ValueError(
            f'{type(backbone).__name__} does not take images of {size} pixels '
            f'({reason}): choose another --size.'
        ) from error
    finally:
        backbone.train(training)
    if features.ndim != 2:
        raise ValueError(
            f'{type(backbone).__name__} gives features of shape '
            f'{tuple(features.shape)}, which cannot be pooled.'
        )
    return features.shape[1]


def most_images(model: nn.Module, views: int, shape: tuple[int, int, int]) -> int:
    """How many images ``(C, H, W)`` per step fit in the memory that is free now.

    Counts the bytes that a small step keeps for its backward pass; on a GPU it takes
    the peak of its allocator.
    """
    device = next(model.parameters()).device
    small, large = 4, 8
    if device.type == 'cuda':
        used = [_peak(model, views, shape, number, device) for number in (small, large)]
        per_image = max(1, (used[1] - used[0]) // (large - small))
        free = torch.cuda.mem_get_info(device)[0]
    else:
        per_image = max(1, _kept_bytes(model, views, shape, small) // small)
        free = free_memory()
    return int(MEMORY_SHARE * free // per_image)


def free_memory() -> int:
    """Bytes of memory that can be used without swapping."""
    try:
        with open('/proc/meminfo') as file:
            lines = dict(line.split(':', 1) for line in file)
        return int(lines['MemAvailable'].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        if hasattr(os, 'sysconf') and 'SC_PHYS_PAGES' in os.sysconf_names:
            return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 2
        return 4 * 2**30


def _loss(model: Any, views: int, shape: Any, number: int, device: Any) -> Tensor:
    """Of the backbone's features alone: the rest of a model is small beside it."""
    from cld_mm.models.layers import pooled

    images = [torch.randn(number, *shape, device=device) for _ in range(views)]
    return torch.stack([pooled(model.backbone(x)).float().mean() for x in images]).sum()


def _kept_bytes(model: Any, views: int, shape: Any, number: int) -> int:
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = _loss(model, views, shape, number, 'cpu')
    total = sum(size for pointer, size in seen.items() if pointer not in weights)
    del loss  # it holds what was counted
    return total


def _peak(model: Any, views: int, shape: Any, number: int, device: Any) -> int:
    torch.cuda.reset_peak_memory_stats(device)
    _loss(model, views, shape, number, device).backward()
    model.zero_grad(set_to_none=True)
    return torch.cuda.max_memory_allocated(device)


def seconds_per_iteration(runner: Any, limit: float) -> float:
    """Seconds of a training iteration with its loading, by training for a while.

    The first iterations, which start the loaders, are not counted.

    Args:
        runner: of the run's config; it is thrown away afterwards.
        limit: seconds to measure for; at least 3 iterations are.
    """
    model, wrapper = runner.model, runner.optim_wrapper
    times: list[float] = []
    begun = last = time.perf_counter()
    while True:
        for data in runner.train_dataloader:
            model.train_step(data, optim_wrapper=wrapper)
            if next(model.parameters()).device.type == 'cuda':
                torch.cuda.synchronize()
            now = time.perf_counter()
            times.append(now - last)
            last = now
            if now - begun > limit and len(times) >= 3:
                return sum(times[2:]) / len(times[2:])
