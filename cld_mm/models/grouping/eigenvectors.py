"""The first eigenvectors of a symmetric matrix, without the others where that pays.

Sources: LAPACK's syevr (relatively robust representations, Dhillon and Parlett 2004)
for a direct solution of a part, ARPACK's implicitly restarted Lanczos (Lehoucq,
Sorensen and Yang 1998), both as scipy binds them.
"""

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
import torch
from mmengine.logging import print_log
from torch import Tensor

SOLVERS = ('direct', 'full', 'lanczos')
# Below, and for more than a quarter, the full solver is the faster one
# (tools/benchmarks/grouping.py).
_FEWEST_ROWS, _LARGEST_SHARE = 512, 1 / 4


def check_solver(solver: str) -> None:
    """Raise a ValueError unless the solver is known."""
    if solver not in SOLVERS:
        raise ValueError(f'solver is {solver!r}, but it must be one of {SOLVERS}.')


def first_eigenvectors(matrix: Tensor, count: int, solver: str = 'direct') -> Tensor:
    """Eigenvectors of the smallest eigenvalues, in ascending order.

    - 'direct' finds only those that are asked for where that is faster: on a CPU, up
      to a quarter of 512 or more. The same to rounding, repeated eigenvalues included.
    - 'full' finds all and leaves out the rest, everywhere.
    - 'lanczos' iterates, on a CPU: many times as fast for a few of very many. It
      stops at rounding, but of an eigenvalue that is repeated it may miss a copy, so
      groups can differ there. Where it does not converge, and for a third of them or
      more, it leaves the work to 'full'.

    Args:
        matrix: symmetric, ``(N, N)`` float.
        count: k; N where it is more.
        solver: one of the three.

    Returns:
        ``(N, k)``, orthonormal columns, each known but for its sign.

    Raises:
        ValueError: the solver is unknown.
    """
    check_solver(solver)
    size = len(matrix)
    count = min(count, size)
    if matrix.device.type == 'cpu':
        if solver == 'lanczos' and 3 * count < size:
            found = _lanczos(matrix.numpy(), count)
            if found is not None:
                return found
        small_part = size >= _FEWEST_ROWS and count <= _LARGEST_SHARE * size
        if solver == 'direct' and small_part:
            _, vectors = scipy.linalg.eigh(
                matrix.numpy(), subset_by_index=(0, count - 1), driver='evr'
            )
            return torch.from_numpy(vectors)
    return torch.linalg.eigh(matrix).eigenvectors[:, :count]


def _lanczos(matrix: np.ndarray, count: int) -> Tensor | None:
    # A start of ones could be an eigenvector itself; a drawn one is the same each time.
    start = np.random.default_rng(0).standard_normal(len(matrix)).astype(matrix.dtype)
    try:
        values, vectors = scipy.sparse.linalg.eigsh(
            matrix, k=count, which='SA', v0=start
        )
    except scipy.sparse.linalg.ArpackError as error:
        print_log(
            f'Lanczos stopped ({error}): all {len(matrix)} eigenvectors are computed '
            'instead.',
            'current',
        )
        return None
    return torch.from_numpy(vectors[:, values.argsort()])
