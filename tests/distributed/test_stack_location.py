"""Where a thread is, and whether it waits in a collective."""

import threading
import time
from typing import Any

from torch import distributed as dist

from cld_mm.distributed.stack_location import locate_thread
from tests.helpers.ranks import run_ranks


def _wait_for_another(rank: int) -> None:
    if rank == 1:
        time.sleep(0.5)
        dist.barrier()
        return
    found = []

    def look(thread: Any) -> None:
        time.sleep(0.2)
        found.append(locate_thread(thread))

    watcher = threading.Thread(target=look, args=(threading.get_ident(),))
    watcher.start()
    dist.barrier()
    watcher.join()
    assert found[0][0], found
    assert found[0][1].startswith('_wait_for_another (test_stack_location.py'), found


def test_who_waits_in_an_exchange_is_told_from_who_works() -> None:
    run_ranks(_wait_for_another)
