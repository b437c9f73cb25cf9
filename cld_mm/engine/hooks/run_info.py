"""RunInfoHook: what ran, on what and on which data, beside the logs."""

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook

from cld_mm.registry import HOOKS
from cld_mm.version import __version__

PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmpretrain', 'numpy')
# What else pixels, groups and parts come from, where it is installed.
OTHERS = (
    'pillow',
    'opencv-python',
    'opencv-python-headless',
    'scipy',
    'mmcv',
    'mmcv-lite',
)


@HOOKS.register_module()
class RunInfoHook(Hook):
    """Write ``run_info.json`` beside the scalars: versions, hardware, data, command.

    ``tools/report.py`` shows it.
    """

    @master_only
    def before_train(self, runner) -> None:
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
        folder = Path(runner.log_dir) / 'vis_data'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'run_info.json').write_text(json.dumps(info, indent=2) + '\n')


def hardware() -> str:
    """The device, in words."""
    if torch.cuda.is_available():
        return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name()}'
    return f'CPU, {torch.get_num_threads()} threads, {platform.machine()}'


def versions() -> dict[str, Any]:
    """Python's and the main packages' versions."""
    found = {'python': platform.python_version(), 'cld_mm': __version__}
    for name in PACKAGES + OTHERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name in PACKAGES:
                found[name] = 'not installed'
    return found
