"""A config's model with a checkpoint's weights."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from cld_mm.fileio.model_weights import load_model_weights, missing_parts
from cld_mm.fileio.weight_files import read_weights
from cld_mm.registry import MODELS, enter_scope


def build_model(cfg: Config, checkpoint: Path | None) -> Any:
    """The config's model on the best device, with the checkpoint's weights.

    Args:
        cfg: of a pre-training run.
        checkpoint: None for a randomly initialized network.

    Raises:
        ValueError: the backbone's weights are missing.
    """
    enter_scope(cfg.get('default_scope'))
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        torch.manual_seed(0)
        model.init_weights()
    else:
        report = load_model_weights(model, read_weights(checkpoint), str(checkpoint))
        model.random_parts = missing_parts(report)
    return model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()
