"""DigestCheckpointHook: when ranks exchange signals and errors."""

import os
import signal
import sys

import pytest
from conftest import ROOT, run_ranks
from mmengine.hooks import Hook
from torch import distributed as dist

from cld_mm.cli.run_tool import build_runner
from cld_mm.distributed.process_group import prepare_distributed
from cld_mm.engine.checkpoint import StoppedBySignal
from cld_mm.engine.hooks.checkpoint import DigestCheckpointHook

sys.path.insert(0, str(ROOT / 'tools/stress'))
import small_configs


class SignalRankOne(Hook):
    """SIGTERM in the third iteration of one rank."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2 and dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGTERM)


def stop_rank_one(rank, digits, folder):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    cfg = small_configs.config(
        'moco_cld',
        folder,
        digits,
        train_dataloader__batch_size=3,
        default_hooks__checkpoint__exchange_interval=5,
        default_hooks__checkpoint__every_iters=0,
        train_cfg__val_begin=9,
        launcher='pytorch',
    )
    prepare_distributed(cfg)
    runner = build_runner(cfg)
    runner.register_hook(SignalRankOne())
    with pytest.raises(StoppedBySignal, match='after iteration 5'):
        runner.train()
    assert rank == 1 or (folder / 'iter_5.pth').is_file()


def test_all_ranks_stop_at_the_next_exchange(digits, tmp_path):
    run_ranks(stop_rank_one, args=(digits, tmp_path))


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('every_iters', -1),
        ('every_minutes', -0.5),
        ('keep_recent', 0),
        ('exchange_interval', 0),
    ],
)
def test_intervals_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=rf'{name} must be >= \d, got {value}'):
        DigestCheckpointHook(**{name: value})
