"""RankAgreementHook: checks that all ranks have the same data and weights."""

from typing import Any

import torch
from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from cld_mm.engine.consistency.dataset_fingerprint import fingerprint
from cld_mm.engine.consistency.setup import check_same
from cld_mm.engine.consistency.weight_checksums import checksums, shared_tensors
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class RankAgreementHook(Hook):
    """Compare data before training, and checksums of the weights at an interval.

    Weights, momentum encoders, queues and banks must be bitwise identical on all ranks;
    once one differs (a broken device, a hook on one rank only) its gradients no longer
    fit. One int64 per tensor is exchanged, with one device sync. Does nothing with one
    rank; split weights (FSDP) are not compared.

    Args:
        interval: iterations between two comparisons; 0: never.

    Raises:
        RankMismatch: before training, where data differ.
        RuntimeError: on every rank, naming the rank and the first tensor that differs.
    """

    def __init__(self, interval: int = 500) -> None:
        self.interval = interval

    def before_train(self, runner: Any) -> None:
        """Compare length, files and labels of the training data."""
        if get_world_size() > 1:
            check_same(
                'training data',
                fingerprint(runner.train_dataloader.dataset),
                'give every machine the same files and lists under data_root.',
            )

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Compare checksums if due."""
        due = self.every_n_train_iters(runner, self.interval)
        if not due or not isinstance(runner.model, DistributedDataParallel):
            return
        tensors = shared_tensors(runner.model.module)
        sums = checksums(list(tensors.values()))
        # One exchange gives both bounds: maxima of x and of its complement -x - 1.
        bounds = torch.stack([sums, ~sums])
        dist.all_reduce(bounds, op=dist.ReduceOp.MAX)
        if (bounds[0] != ~bounds[1]).any():
            everyone: list = all_gather_object(sums.tolist())
            raise RuntimeError(_drift(runner, list(tensors), everyone, self.interval))


def _drift(runner: Any, names: list[str], everyone: list, interval: int) -> str:
    rank = next(r for r, sums in enumerate(everyone) if sums != everyone[0])
    pairs = zip(everyone[rank], everyone[0], strict=True)
    differing = [i for i, (one, two) in enumerate(pairs) if one != two]
    return (
        f'the weights of rank {rank} have drifted from those of rank 0 within the last '
        f'{interval} iterations, found at iteration {runner.iter + 1}: '
        f'{len(differing)} of {len(names)} tensors differ, the first is '
        f'{names[differing[0]]}; resume from an earlier checkpoint, and if it happens '
        'again check the devices of these two ranks.'
    )
