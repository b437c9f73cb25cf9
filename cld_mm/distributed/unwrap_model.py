"""The algorithm inside a model wrapper."""

from typing import Any

from mmengine.model import is_model_wrapper


def unwrap_model(model: Any) -> Any:
    """The wrapped module of DistributedDataParallel and the like, or the model itself."""
    return model.module if is_model_wrapper(model) else model
