"""Start from a checkpoint: each part of the model is loaded whole, or not at all."""

from typing import Any

from mmengine.runner.checkpoint import _load_checkpoint

from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.fileio.model_weights import load_model_weights, missing_parts
from cld_mm.fileio.weight_files import read_weights

from .bank_rows import bank_folder, load_rows, sharded_bank


def load_parts(runner: Any, filename: str) -> dict:
    """Load the weights of ``load_from`` into a runner's model.

    Parts that the checkpoint lacks stay random and are named in the log and in the
    model's ``random_parts``: evaluation gives no figures of them. A momentum encoder
    that is missing starts from the loaded weights.

    Args:
        runner: a ResumableRunner.
        filename: path or address of a checkpoint, also of another project.

    Returns:
        The checkpoint.

    Raises:
        ValueError: the backbone's weights are missing, or a part has only some of its.
    """
    remote = '://' in filename
    checkpoint = _load_checkpoint(filename, 'cpu') if remote else read_weights(filename)
    runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    model = unwrap_model(runner.model)
    missing = missing_parts(load_model_weights(model, checkpoint, filename))
    bank = sharded_bank(model)
    if bank is not None and bank_folder(filename).is_dir():
        load_rows(bank, filename)
        missing.discard('bank')
    if 'momentum_encoder' in missing and hasattr(model, 'momentum_encoders'):
        for encoder in model.momentum_encoders():
            encoder.copy_weights()
    model.random_parts = missing
    return checkpoint
