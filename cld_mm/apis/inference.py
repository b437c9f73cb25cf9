"""A config's model with a checkpoint's weights."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint

from cld_mm.evaluation.feature_extraction import keep_loaded_features
from cld_mm.registry import MODELS, enter_scope


def build_model(cfg: Config, checkpoint: Path | None) -> Any:
    """The config's model on the best device, with the checkpoint's weights.

    Args:
        cfg: of a pre-training run.
        checkpoint: None for a randomly initialized network.

    Raises:
        ValueError: the checkpoint lacks weights of the backbone.
    """
    enter_scope(cfg.get('default_scope'))
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        torch.manual_seed(0)
        model.init_weights()
    else:
        loaded = load_checkpoint(model, str(checkpoint), map_location='cpu')
        keep_loaded_features(model, loaded.get('state_dict', loaded), checkpoint)
    return model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()
