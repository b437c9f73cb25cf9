"""The first eigenvectors of a symmetric matrix, computing no others if that is faster.

Sources: LAPACK's syevr (relatively robust representations, Dhillon and Parlett 2004)
for part of the spectrum; ARPACK's implicitly restarted Lanczos (Lehoucq, Sorensen and
Yang 1998). Both are called through scipy.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

SOLVERS = ('direct', 'full', 'lanczos')
# Below this size, or above this fraction, the full solver is faster
# (tools/benchmarks/grouping.py).
_FEWEST_ROWS, _LARGEST_FRACTION = 512, 1 / 4


def check_solver(solver: str) -> None:
    """Raise a ValueError unless the solver is known."""
    if solver not in SOLVERS:
        raise ValueError(f'solver must be one of {SOLVERS}, got {solver!r}.')


def first_eigenvectors(matrix: Tensor, count: int, solver: str = 'direct') -> Tensor:
    """Eigenvectors of the smallest eigenvalues, in ascending order.

    - 'direct' computes only the requested ones where that is faster: on a CPU, for at
      least 512 rows and at most a quarter of the spectrum. Equal to 'full' up to
      rounding, also for repeated eigenvalues.
    - 'full' computes all and drops the rest, on any device.
    - 'lanczos' iterates, on a CPU: much faster for a few of very many, but it may miss
      copies of repeated eigenvalues, so groups can differ. Falls back to 'full' if it
      does not converge, or for a third of the spectrum or more.

    Args:
        matrix: symmetric, ``(N, N)`` float.
        count: k; clamped to N.
        solver: one of the three.

    Returns:
        ``(N, k)``, orthonormal columns, unique up to sign.

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
        small_part = size >= _FEWEST_ROWS and count <= _LARGEST_FRACTION * size
        if solver == 'direct' and small_part:
            from scipy.linalg import eigh  # only here, so that the rest needs no scipy

            _, vectors = eigh(
                matrix.numpy(), subset_by_index=(0, count - 1), driver='evr'
            )
            return torch.from_numpy(vectors)
    return torch.linalg.eigh(matrix).eigenvectors[:, :count]


def _lanczos(matrix: np.ndarray, count: int) -> Tensor | None:
    from scipy.sparse import linalg

    # A vector of ones could be an eigenvector itself; a fixed random one is not.
    start = np.random.default_rng(0).standard_normal(len(matrix)).astype(matrix.dtype)
    try:
        values, vectors = linalg.eigsh(matrix, k=count, which='SA', v0=start)
    except linalg.ArpackError as error:
        warnings.warn(
            f'Lanczos did not converge ({error}); computing all {len(matrix)} '
            'eigenvectors instead.',
            stacklevel=3,
        )
        return None
    return torch.from_numpy(vectors[:, values.argsort()])
