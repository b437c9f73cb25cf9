"""RankJudge: which rank is lost, which one hangs."""

from typing import Any

import pytest

from cld_mm.distributed.rank_judge import PHASES, RankJudge, Report

STEP = PHASES.index('in the training step')


def report(number: int = 1, iteration: int = 7, **changes: Any) -> Report:
    values = {
        'number': number,
        'progress': [iteration, STEP, 0],
        'suspicious': False,
        'waits': False,
        'location': 'train (a.py, line 1)',
        'identity': ['machine', 123],
    }
    return Report(**{**values, **changes})


@pytest.fixture
def judge() -> RankJudge:
    return RankJudge(timeout=10, stall_timeout=100, quick_timeout=2)


def test_a_rank_that_stops_reporting_is_lost(judge: RankJudge) -> None:
    for now in range(12):
        judge.take(0, report(now), now)
        judge.take(1, report(1), now)
    verdict = judge.find_lost(11)
    assert verdict is not None
    assert verdict.reason.startswith('rank 1 sent no sign of life for 11 s')
    assert 'iteration 8, in the training step' in verdict.reason
    assert verdict.lost == [1, 'machine', 123]


def test_reporting_ranks_are_not_lost(judge: RankJudge) -> None:
    for now in range(50):
        judge.take(0, report(now), now)
    assert judge.find_lost(50) is None


@pytest.mark.parametrize('here', [True, False])
def test_a_failed_collective_shortens_the_wait(judge: RankJudge, here: bool) -> None:
    for now in range(4):
        judge.take(0, report(now, suspicious=not here), now)
        judge.take(1, report(1), now)
    verdict = judge.find_lost(3, suspicious=here)
    assert verdict is not None
    assert verdict.reason.startswith('rank 1')


def test_a_rank_that_is_done_is_not_lost(judge: RankJudge) -> None:
    judge.take(0, report(progress=[9, PHASES.index('done'), 0]), 0)
    assert judge.find_lost(99) is None
    assert judge.find_hung(999) is None


def test_of_ranks_in_one_step_the_one_that_does_not_wait_hangs(
    judge: RankJudge,
) -> None:
    for rank in range(3):
        judge.take(rank, report(waits=rank != 1, location=f'place {rank}'), 0)
    verdict = judge.find_hung(101)
    assert verdict is not None
    assert verdict.reason.startswith('rank 1 made no progress for 101 s')
    assert verdict.reason.endswith('in the training step, in place 1')


def test_if_all_wait_all_are_named(judge: RankJudge) -> None:
    for rank in range(3):
        judge.take(rank, report(waits=True), 0)
    verdict = judge.find_hung(101)
    assert verdict is not None
    assert verdict.reason.startswith('rank 0, 1, 2 made no progress')


def test_the_rank_that_is_behind_hangs(judge: RankJudge) -> None:
    judge.take(0, report(iteration=8), 0)
    judge.take(1, report(iteration=7, progress=[7, STEP - 1, 0]), 0)
    verdict = judge.find_hung(101)
    assert verdict is not None
    assert verdict.reason.startswith('rank 1 ')
    assert 'iteration 8, loading data' in verdict.reason


def test_progress_resets_the_clock(judge: RankJudge) -> None:
    judge.take(0, report(), 0)
    judge.take(0, report(2, iteration=8), 90)
    assert judge.find_hung(101) is None
