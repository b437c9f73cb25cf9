"""Allocators set for training: the same buffers come back each step."""

import ctypes
import os
import sys

# Names in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# torch reads both of these; older ones know the first only.
_ALLOC_CONF = 'PYTORCH_CUDA_ALLOC_CONF', 'PYTORCH_ALLOC_CONF'


def keep_freed_memory() -> bool:
    """Let both allocators keep what a step frees, for the next step.

    A step asks for the same large buffers each time. glibc maps each of them anew
    and the kernel clears its pages, which takes up to a fifth of a step on a CPU;
    up to 1 GiB a buffer is now taken from memory that the process keeps. On a GPU
    ``expandable_segments`` keeps odd sizes from splitting the memory; it is read
    when CUDA starts, so call this before. A setting of the user's own stays.

    Returns:
        Whether the C library took its setting; False where it is not glibc's or
        the user has set one.
    """
    if not any(name in os.environ for name in _ALLOC_CONF):
        os.environ[_ALLOC_CONF[0]] = 'expandable_segments:True'
    if not sys.platform.startswith('linux') or any(
        name in os.environ
        for name in ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'LD_PRELOAD')
    ):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 2**30) and mallopt(_M_TRIM_THRESHOLD, -1))
