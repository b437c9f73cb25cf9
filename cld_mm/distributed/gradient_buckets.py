"""Sum gradients in the same order from the first step on, so that resume is exact.

DistributedDataParallel exchanges the gradients of its first step as one bucket and
forms smaller ones afterwards. The position in a bucket decides the order of summation,
which with three or more ranks changes the last bits: a resumed run would differ from an
uninterrupted one (seen in torch 2.13 with gloo).
"""

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def form_buckets(model: nn.Module) -> None:
    """Let a new wrapper form its buckets by a step of zero gradient.

    All ranks call it. Does nothing for other wrappers, and where buckets never change
    (``find_unused_parameters``) or are planned by torch (``static_graph``).
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
