"""Faults that bad_ranks.py puts into one rank of a training; imported by its config.

The fault is set in the environment, not in the config, so that the ranks' configs stay
the same: ``CLD_MM_FAULT`` holds kind, rank, iteration, delay and a file to note the
time in.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.fileio import environment
from cld_mm.registry import HOOKS

FAULT = json.loads(os.environ.get('CLD_MM_FAULT', '{}'))
if FAULT.get('rank') != int(os.environ.get('RANK', -1)):
    FAULT = {}
KIND = FAULT.get('kind')
if KIND == 'other version':
    environment.__version__ = '0.0.1'


def note() -> None:
    """Write down when it happened."""
    Path(FAULT['note']).write_text(str(time.time()))


def stay(*_: object) -> None:
    """Never return."""
    note()
    time.sleep(1e6)


@HOOKS.register_module()
class FaultHook(Hook):
    """Does to its rank what the environment says."""

    priority = 'HIGHEST'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """A rank that goes while all load."""
        if KIND == 'kill at load':
            note()
            os.kill(os.getpid(), signal.SIGKILL)

    def before_train(self, runner: Runner) -> None:
        """Faults of the data, and those that come at any time."""
        dataset = runner.train_dataloader.dataset
        if KIND == 'other data':
            note()
            dataset.data_bytes = dataset.data_bytes.copy()
            dataset.data_bytes[-3] ^= 1
        if KIND in ('kill', 'freeze'):
            sign = signal.SIGKILL if KIND == 'kill' else signal.SIGSTOP

            def strike() -> None:
                note()
                os.kill(os.getpid(), sign)

            timer = threading.Timer(FAULT['delay'], strike)
            timer.daemon = True
            timer.start()
        if KIND in ('broken loading', 'stuck loading'):
            dataset.pipeline.transforms.insert(0, BrokenTransform(FAULT['iteration']))

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Faults of one iteration."""
        if runner.iter != FAULT.get('iteration'):
            return
        model = unwrap_model(runner.model)
        if KIND in ('exit', 'nan', 'drift', 'os exit', 'full disk'):
            note()
        if KIND == 'full disk':
            raise OSError(errno.ENOSPC, 'No space left on device')
        if KIND == 'stuck forward':
            model.backbone.register_forward_pre_hook(stay)
        if KIND == 'stuck backward':
            next(model.backbone.parameters()).register_hook(stay)
        if KIND == 'exit':
            sys.exit(0)
        if KIND == 'os exit':
            os._exit(0)
        if KIND == 'nan':
            view = data_batch['inputs'][0].float()
            view[0, 0, 0, 0] = float('nan')
            data_batch['inputs'][0] = view
        if KIND == 'drift':
            with torch.no_grad():
                next(model.backbone.parameters()).view(-1)[0] += 1e-3


class BrokenTransform:
    """Raises, or never returns, after some images.

    Args:
        images: how many still work.
    """

    def __init__(self, images: int) -> None:
        self.left = images * 4

    def __call__(self, results: dict) -> dict:
        self.left -= 1
        if self.left < 0:
            note()
            if KIND == 'stuck loading':
                time.sleep(1e6)
            raise OSError(f'image {results["sample_idx"]} cannot be read')
        return results
