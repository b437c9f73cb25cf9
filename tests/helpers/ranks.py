"""Run a test's function on several ranks joined over gloo."""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from torch import distributed as dist
from torch import multiprocessing as mp


def run_ranks(
    function: Callable[..., Any], world_size: int = 2, args: tuple = ()
) -> None:
    """Run ``function(rank, *args)`` in one process per rank."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = sock.getsockname()[1]
    mp.start_processes(
        _rank,
        (world_size, port, function, args),
        nprocs=world_size,
        start_method='spawn' if sys.platform == 'win32' else 'forkserver',
    )


def _rank(
    rank: int, world_size: int, port: int, function: Callable[..., Any], args: tuple
) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    try:
        function(rank, *args)
    finally:
        dist.destroy_process_group()
