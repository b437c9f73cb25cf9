"""What the rank watchdog needs of the store and of processes."""

import os
import signal
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from torch import distributed as dist


def connect_store(timeout: float) -> dist.Store:
    """An own connection to the default store, whose own is locked while it waits."""
    store = dist.distributed_c10d._get_default_store()
    while isinstance(store, dist.PrefixStore):
        store = store.underlying_store
    if not isinstance(store, dist.TCPStore):
        return store
    return dist.TCPStore(
        store.host,
        store.port,
        is_master=False,
        wait_for_workers=False,
        timeout=timedelta(seconds=timeout),
    )


def launcher_keeps_store() -> bool:
    """Whether torchrun, and not rank 0, runs the store."""
    return os.environ.get('TORCHELASTIC_USE_AGENT_STORE') == 'True'


def identity() -> list[Any]:
    """Machine with its process namespace, and process id; ['', 0] outside of Linux."""
    with suppress(OSError):
        namespace = Path('/proc/self/ns/pid').readlink()
        return [f'{socket.gethostname()} {namespace}', os.getpid()]
    return ['', 0]


def end_frozen(lost: list[Any] | None) -> None:
    """Kill a stopped rank on this machine, which a launcher's SIGTERM cannot end.

    Linux only: elsewhere a stopped process stays until someone ends it.
    """
    if not lost:
        return
    _, machine, process = lost
    if machine and machine == identity()[0] and process != os.getpid():
        with suppress(OSError):
            stat = Path(f'/proc/{process}/stat').read_text()
            if stat.rpartition(')')[2].split()[0] in 'Tt':
                os.kill(process, signal.SIGKILL)
