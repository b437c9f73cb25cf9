"""Weights from a checkpoint, or an error: never a silent random start."""

import torch
from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit
from mmengine.runner.checkpoint import _load_checkpoint
from torch import Tensor, nn

from cld_mm.registry import WEIGHT_INITIALIZERS

PREFIXES = (
    'backbone.',
    'algorithm.backbone.',
    'module.backbone.',
    'encoder_q.',
    'module.encoder_q.',
    '',
)


# mmengine loads weights of the type named 'Pretrained' after all other
# initialisation, so the name is kept inside this project's scope.
@WEIGHT_INITIALIZERS.register_module(name='Pretrained')
class StrictPretrainedInit(PretrainedInit):
    """mmengine's PretrainedInit that insists on the weights it was asked for.

    Args:
        checkpoint: path or address of the checkpoint.
        prefix: what the module's keys begin with there; found by itself among
            'backbone.', 'encoder_q.' and none if left out.
        map_location: where tensors are loaded to.
        allow_missing: load what fits and only warn about the rest; not one
            fitting weight stays an error.

    Raises:
        ValueError: at calling, where weights are missing or differ in shape.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str = 'cpu',
        allow_missing: bool = False,
    ) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.allow_missing = allow_missing

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module``."""
        loaded = _load_checkpoint(self.checkpoint, map_location=self.map_location)
        weights = loaded.get('state_dict', loaded)
        target = module.state_dict()
        prefixes = PREFIXES if self.prefix is None else (self._dotted(self.prefix),)
        fitting = max(
            (_fitting(weights, target, prefix) for prefix in prefixes), key=len
        )
        # Batch counters are no weights; checkpoints of old torch lack them.
        missing = [
            key
            for key in target
            if key not in fitting and not key.endswith('num_batches_tracked')
        ]
        self._check(module, fitting, missing, list(weights))
        module.load_state_dict(fitting, strict=False)
        print_log(
            f'{len(fitting)} of {len(target)} weights of '
            f'{type(module).__name__} loaded from {self.checkpoint}',
            'current',
        )

    def _check(
        self, module: nn.Module, fitting: dict, missing: list[str], found: list[str]
    ) -> None:
        name = type(module).__name__
        if not fitting:
            raise ValueError(
                f'not one weight of {name} is in {self.checkpoint}: it begins with '
                f'{found[:3]}, but {missing[:3]} with the same shapes are needed; give '
                'a checkpoint of the same backbone, or its prefix.'
            )
        if missing and not self.allow_missing:
            raise ValueError(
                f'{len(missing)} weights of {name} are missing in {self.checkpoint} or '
                f'have another shape there, first {missing[0]!r}: give a checkpoint of '
                'the same backbone, or set allow_missing=True.'
            )
        if missing:
            print_log(
                f'{len(missing)} weights of {name} stay as initialised: {missing}',
                'current',
                level=30,
            )

    @staticmethod
    def _dotted(prefix: str) -> str:
        return prefix if not prefix or prefix.endswith('.') else prefix + '.'


def _fitting(
    weights: dict[str, Tensor], target: dict[str, Tensor], prefix: str
) -> dict[str, Tensor]:
    return {
        key: weights[prefix + key]
        for key, value in target.items()
        if isinstance(weights.get(prefix + key), torch.Tensor)
        and weights[prefix + key].shape == value.shape
    }
