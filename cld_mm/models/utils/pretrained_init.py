"""Weights from a checkpoint, or an error: never a silent random start."""

from mmengine.model import BaseModule
from mmengine.model.weight_init import PretrainedInit
from mmengine.runner.checkpoint import _load_checkpoint
from torch import nn

from cld_mm.fileio.weight_files import read_weights
from cld_mm.fileio.weight_loading import load_weights
from cld_mm.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module(name='StrictPretrained')
class StrictPretrainedInit(PretrainedInit):
    """mmengine's PretrainedInit that insists on the weights it was asked for.

    Names of other projects are recognized, see :mod:`cld_mm.fileio.weight_names`.

    Args:
        checkpoint: path of a checkpoint, safetensors file or Hugging Face folder, or
            an address.
        prefix: what the module's keys begin with there; found by itself if None.
        map_location: where tensors are loaded to.
        allow_missing: load what fits and only log the rest; not one fitting weight
            stays an error.

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
        if '://' in self.checkpoint:
            loaded = _load_checkpoint(self.checkpoint, map_location=self.map_location)
        else:
            loaded = read_weights(self.checkpoint)
        load_weights(module, loaded, self.checkpoint, self.prefix, self.allow_missing)
        # Else initialization would continue and overwrite what was loaded: mmengine
        # initializes children next, and mmpretrain's backbones zero residual branches
        # and draw position embeddings unless init_cfg has upstream's name.
        for child in module.children():
            for part in child.modules():
                if isinstance(part, BaseModule):
                    part._is_init = True
        if isinstance(module, BaseModule):
            module.init_cfg = {'type': 'Pretrained', 'checkpoint': self.checkpoint}
