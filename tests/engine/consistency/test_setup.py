"""Ranks whose setups differ are told before training."""

import os

import pytest
from mmengine.config import Config
from torch import distributed as dist

from cld_mm.distributed.rank_watchdog import RankWatchdog
from cld_mm.engine.consistency.setup import RankMismatch, check_same, resume_together
from tests.helpers.ranks import run_ranks


def _disagree(rank: int) -> None:
    check_same('config', {'a': 1, 'f': run_ranks}, 'fix it.')
    with pytest.raises(RankMismatch, match='rank 1 differs from rank 0 in the config'):
        check_same('config', {'lr': 0.1 + rank}, 'fix it.')
    cfg = Config({'resume': False, 'load_from': 'weights.pth'})
    resume_together(cfg)
    assert (cfg.resume, cfg.load_from) == (False, 'weights.pth')
    if rank == 1:  # only its node has counted a restart
        os.environ['TORCHELASTIC_RESTART_COUNT'] = '1'
    resume_together(cfg)
    assert (cfg.resume, cfg.load_from) == (True, None)
    watchdog = RankWatchdog(timeout=5)
    watchdog.start()
    watchdog.mark(3, 'loading data')
    dist.barrier()
    watchdog.stop()


def test_ranks_that_differ_say_so() -> None:
    run_ranks(_disagree)
