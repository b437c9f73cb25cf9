"""The algorithm inside a model wrapper."""

from typing import Any

from mmengine.model import is_model_wrapper


def unwrap_model(model: Any) -> Any:
    """The module that DistributedDataParallel or the like wraps, or the model."""
    return model.module if is_model_wrapper(model) else model
