"""SwAVHook: SwAV's queue in checkpoints, and prototypes that rest at first.

Source: SwAV (arXiv 2006.09882), section 4.1 and appendix A.
"""

import logging
from typing import Any

from mmengine.logging import print_log
from mmpretrain.engine.hooks import SwAVHook

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.models.memories.assignment_queue import NAME, add_queue
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class ResumableSwAVHook(SwAVHook):
    """mmpretrain's SwAVHook for runs that are resumed and that have several ranks.

    mmpretrain's writes the queue to a file of its own after an epoch, so that a run
    continues with another queue than it had, and any run in that work dir takes it up.
    Here each rank's is in the checkpoint. Layers rest by having no gradient when the
    optimizer steps: DistributedDataParallel refuses weights that stop asking for one.

    Args:
        *args, **kwargs: as in mmpretrain's SwAVHook; ``interval`` means nothing.

    Raises:
        ValueError: the queue is shorter than a batch of all ranks.
    """

    def before_run(self, runner: Any) -> None:
        """Add the queue to the model, before a checkpoint is loaded."""
        given = self.queue_length
        self.queue_length -= given % self.batch_size
        if given and not self.queue_length:
            raise ValueError(
                f'queue_length is {given}, but a batch of all ranks has '
                f'{self.batch_size} images: give a multiple of that, or 0 for no queue.'
            )
        self._kept: Any = None
        if given:
            rows = self.queue_length // runner.world_size
            crops = len(self.crops_for_assign)
            loss: Any = unwrap_model(runner.model).head.loss_module
            self._kept = add_queue(loss, crops, rows, self.feat_dim)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Start an empty queue where the saved one is of other batches or ranks."""
        own = {
            name: value
            for name, value in unwrap_model(runner.model).state_dict().items()
            if f'.{NAME}.' in name
        }
        state = checkpoint['state_dict']
        if all(n in state and state[n].shape == v.shape for n, v in own.items()):
            return
        others = [rank.get('buffers', {}) for rank in checkpoint.get('ranks', [])]
        for name, value in own.items():
            state[name] = value.clone()
            for buffers in others:
                buffers.pop(name, None)
        print_log(
            "the checkpoint's queue of SwAV is missing or of other batches or ranks: "
            'it starts empty.',
            'current',
            level=logging.WARNING,
        )

    def before_train(self, runner: Any) -> None:
        """Let the layers that rest have no gradient where the optimizer steps."""
        named = list(unwrap_model(runner.model).named_parameters())

        def freeze(optimizer: Any, args: Any, kwargs: Any) -> None:
            for layer, iterations in self.frozen_layers_cfg.items():
                if runner.iter < iterations:
                    for name, parameter in named:
                        if layer in name:
                            parameter.grad = None

        self._handle = runner.optim_wrapper.optimizer.register_step_pre_hook(freeze)

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Keep mmpretrain's from stopping the gradients of layers that rest."""

    def before_train_epoch(self, runner: Any) -> None:
        """Let the loss take the queue from its epoch on."""
        if self._kept is not None:
            used = runner.epoch >= self.epoch_queue_starts
            self._kept.used.fill_(used)
            self.queue = self._kept.rows if used else None
        super().before_train_epoch(runner)

    def after_train_epoch(self, runner: Any) -> None:
        """Write no file."""

    def after_train(self, runner: Any) -> None:
        """Let go of the optimizer."""
        self._handle.remove()
