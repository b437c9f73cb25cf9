"""StepCapture: keeps what is needed to repeat the current training step."""

import json
from typing import Any

from torch import nn

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.engine.checkpoint.bank_rows import sharded_bank
from cld_mm.engine.random_states import random_states
from cld_mm.models.memories import memories

from .dump import dump_folder, to_plain, write_dump


class StepCapture:
    """The batch, the random states and what the step overwrites in memories.

    Args:
        model: the algorithm.
    """

    def __init__(self, model: nn.Module) -> None:
        self.memories = list(memories(model).values())

    def begin(self, batch: Any) -> None:
        """A step begins with this batch."""
        self.batch, self.random = batch, random_states()
        for memory in self.memories:
            memory.start_recording()

    def write(self, runner: Any, summary: dict[str, Any]) -> str:
        """Write the dump of this rank; all ranks call it.

        Args:
            runner: the runner.
            summary: rank, iteration, loss parts, and the like.

        Returns:
            What became of it, as part of a sentence.
        """
        for memory in self.memories:
            memory.undo()
        model = unwrap_model(runner.model)
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        bank = sharded_bank(model)  # its rows are not in the state dict
        rows = bank and {'start': bank.start, 'rows': to_plain(bank.features)}
        state = {
            'config': json.dumps(runner.cfg.to_dict(), default=str),
            'model': to_plain(model.state_dict()),
            'bank': rows,
            'batch': to_plain(self.batch),
            'random': self.random,
            'scaler': scaler.state_dict() if scaler is not None else {},
        }
        folder = dump_folder(runner.work_dir, summary['iteration'])
        try:
            write_dump(folder / f'rank_{summary["rank"]}.pth', {**summary, **state})
        except OSError as error:
            return f'the step could not be written ({error})'
        return (
            f'repeat the step with python tools/analysis_tools/replay_step.py {folder}'
        )
