"""One order of summing gradients from the first step on.

DistributedDataParallel exchanges the first step's gradients as one bucket and forms
smaller ones after it. Where a gradient lies in a bucket decides in what order the
ranks' parts are summed, which from three ranks on changes its last bits: a resumed run,
whose first step is another one, would differ from a run without a stop (seen in torch
2.13 with gloo). Does nothing where the wrapper keeps its buckets
(``find_unused_parameters``), plans them itself (``static_graph``), or is another one.
"""

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def form_buckets(model: nn.Module) -> None:
    """Let a new wrapper form its buckets by a step without gradient; all ranks call it.

    Args:
        model: any model; what is no DistributedDataParallel is left alone.
    """
    if not isinstance(model, DistributedDataParallel):
        return
    if model.find_unused_parameters or model.static_graph:
        return
    trained = [p for p in model.parameters() if p.requires_grad]
    module = model.module
    module.forward = lambda: sum((p * 0).sum() for p in trained)
    try:
        model().backward()
    finally:
        del module.forward
    for parameter in trained:
        parameter.grad = None
