"""What torch does inside a block: operations that wait, and memory that is new."""

from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

# Operations whose result, or its size, the CPU has to wait for.
WAITING = {
    '_local_scalar_dense', 'equal', 'is_nonzero', 'item', 'nonzero', 'masked_select',
    '_unique', '_unique2', 'unique_dim', 'unique_consecutive', 'bincount', 'argwhere',
}  # fmt: skip


class Watch(TorchDispatchMode):
    """Notes operations that wait, and results as large as the queue."""

    def __init__(self, queue: Any = None) -> None:
        super().__init__()
        self.waiting, self.copies = [], []
        self.queue = queue

    def is_copy(self, out: Any) -> Any:
        same_size = isinstance(out, torch.Tensor) and sorted(out.shape) == sorted(
            self.queue.shape
        )
        mine = self.queue.untyped_storage().data_ptr()
        return same_size and out.untyped_storage().data_ptr() != mine

    def blocks(self, name: str, args: Any, kwargs: Any, out: Any) -> Any:
        """Whether it moves a tensor between devices and waits for that."""
        if name not in ('_to_copy', 'copy_'):
            return False
        source = args[0] if name == '_to_copy' else args[1]
        free = (kwargs or {}).get('non_blocking') or (*args, False, False, False)[2]
        return source.device != out.device and not free

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        out = func(*args, **(kwargs or {}))
        masks = name in ('index', 'index_put', 'index_put_') and any(
            t is not None and t.dtype in (torch.bool, torch.uint8) for t in args[1]
        )
        sizes = name == 'repeat_interleave' and 'output_size' not in (kwargs or {})
        if name in WAITING or masks or sizes or self.blocks(name, args, kwargs, out):
            self.waiting.append(name)
        if self.queue is not None:
            self.copies += [name for t in pytree.tree_leaves(out) if self.is_copy(t)]
        return out


class LargestNew(TorchDispatchMode):
    """The most elements of any tensor made inside whose memory was not there before."""

    def __init__(self, *known: Any) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.largest = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for value in pytree.tree_leaves(result):
            if torch.is_tensor(value) and value.numel():
                storage = value.untyped_storage()
                if storage.data_ptr() not in self.known:
                    self.largest = max(
                        self.largest, storage.nbytes() // value.element_size()
                    )
        return result
