"""RunInfoHook: what ran, on what and on which data, beside the logs."""

import json
import sys
from pathlib import Path
from typing import Any

from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.fileio.environment import hardware, versions
from cld_mm.registry import HOOKS


@HOOKS.register_module()
class RunInfoHook(Hook):
    """Write ``run_info.json`` beside the scalars: versions, hardware, data, command.

    ``cldmm report`` shows it.
    """

    @master_only
    def before_train(self, runner: Any) -> None:
        """Write the file."""
        dataset = runner.train_dataloader.dataset
        info = {
            'command': ' '.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            'seed': runner.seed,
            'ranks': get_world_size(),
            'hardware': hardware(),
            'versions': versions(),
            'data': {
                'type': type(dataset).__name__,
                'root': str(getattr(dataset, 'data_root', '') or ''),
                'training images': len(dataset),
                'batch a rank': runner.train_dataloader.batch_size,
            },
            'parameters': sum(p.numel() for p in runner.model.parameters()),
        }
        epochs = 'epoch' if runner.max_epochs == 1 else 'epochs'
        length = (
            f'{runner.max_iters} iterations'
            if isinstance(runner.train_loop, IterBasedTrainLoop)
            else f'{runner.max_epochs} {epochs} of {len(runner.train_dataloader)} '
            'iterations'
        )
        runner.logger.info(
            f'training {type(unwrap_model(runner.model)).__name__} on {len(dataset)} '
            f'images for {length}, batch size {runner.train_dataloader.batch_size} x '
            f'{get_world_size()}; everything is logged in {runner.log_dir}'
        )
        folder = Path(runner.log_dir) / 'vis_data'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'run_info.json').write_text(json.dumps(info, indent=2) + '\n')
