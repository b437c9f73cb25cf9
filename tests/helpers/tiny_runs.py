"""Training runs of a linear layer on twelve points, which take milliseconds."""

import itertools
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import Tensor, nn

from cld_mm.engine.runner import ResumableRunner
from cld_mm.registry import DATASETS, HOOKS, MODELS

runs = itertools.count()


@MODELS.register_module()
class TinyModel(BaseModel):
    """One linear layer; the queue is a setting that changes a shape."""

    def __init__(self, queue_len: int = 3, factor: float = 1.0) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.factor = factor
        self.register_buffer('queue', torch.zeros(queue_len))

    def forward(self, inputs: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        return {'loss': self.factor * self.layer(inputs).square().mean()}

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        losses = self(data)
        optim_wrapper.update_params(losses['loss'])
        return losses


@DATASETS.register_module()
class TinyData(torch.utils.data.Dataset):
    """Twelve points."""

    metainfo: dict[str, Any] = {}

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor([float(index), 1.0]) / 12


@HOOKS.register_module()
class NoteGroups(Hook):
    """Learning rate, weight decay and momentum of each iteration."""

    priority = 'VERY_HIGH'

    def before_train(self, runner: Any) -> None:
        runner.noted = {}

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        group = runner.optim_wrapper.param_groups[0]
        keys = ('lr', 'weight_decay', 'momentum')
        runner.noted[runner.epoch, batch_idx] = tuple(group[key] for key in keys)


COSINE = {'type': 'CosineAnnealingLR', 'T_max': 2, 'end': 2, 'by_epoch': True}


def make_runner(folder: Path, epochs: int, resume: bool = False, **changes: Any) -> Any:
    cfg = Config(
        {
            'model': {'type': 'TinyModel'},
            'work_dir': str(folder),
            'train_dataloader': {
                'dataset': {'type': 'TinyData'},
                'batch_size': 4,
                'num_workers': 0,
                'sampler': {'type': 'SeededSampler', 'shuffle': True},
                'collate_fn': {'type': 'default_collate'},
            },
            'train_cfg': {'by_epoch': True, 'max_epochs': epochs},
            'optim_wrapper': {
                'type': 'OptimWrapper',
                'optimizer': {
                    'type': 'SGD',
                    'lr': 0.03,
                    'momentum': 0.9,
                    'weight_decay': 0.1,
                },
            },
            'param_scheduler': [COSINE],
            'default_hooks': {
                'checkpoint': {'type': 'DigestCheckpointHook', 'interval': 1}
            },
            'custom_hooks': [{'type': 'NoteGroups'}],
            'default_scope': 'cld_mm',
            'randomness': {'seed': 1},
            'log_level': 'ERROR',
            'resume': resume,
            'experiment_name': f'settings-{next(runs)}',
        }
    )
    cfg.merge_from_dict({key.replace('__', '.'): v for key, v in changes.items()})
    return ResumableRunner.from_cfg(cfg)


def train(folder: Path, epochs: int, resume: bool = False, **changes: Any) -> Any:
    runner = make_runner(folder, epochs, resume, **changes)
    runner.train()
    return runner
