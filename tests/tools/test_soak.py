"""The parts of the soak: a run that follows another, and slopes of what is sampled."""

import subprocess
import sys

import pytest
from test_untrusted_files import ROOT

from slopes import Sample, slope_per_hour, slopes  # isort: skip

FOLLOWING = """
import sys, time
sys.path.insert(0, 'tools/stress')
import small_configs as small
import small_runs as runs
from comparing import differences, losses
from pathlib import Path
from unbroken import Unbroken
folder = Path(sys.argv[1])
data = small.digits(folder / 'data')
whole, parts = folder / 'whole', folder / 'parts'
make = lambda where: lambda: small.config('moco_cld', where, data,
    default_hooks__checkpoint__interval=-1, train_dataloader__batch_size=6)
other = Unbroken(make(whole), whole, parts, ranks=1)
for stop in (3, 7):
    kill = runs.Kill('stop', stop)
    first = runs.spawn(make(parts), parts, resume=stop > 3, kill=kill)
    while max(losses(parts), default=0) < stop:
        other.follow()
        assert max(losses(whole), default=0) < max(losses(parts), default=1)
        time.sleep(0.02)
    assert runs.wait(first) == 75, (parts / 'log.txt').read_text()[-2000:]
    other.follow()
while max(losses(whole), default=0) < stop - 1:
    time.sleep(0.02)
time.sleep(0.3)
assert max(losses(whole)) == stop - 1, 'it waits for the last iteration'
other.stop_at(stop)
assert runs.wait(other.leader) == 75, other.tail()
assert max(losses(whole)) == stop
found = differences(whole, parts)
assert not found, found
"""


def test_the_unbroken_run_follows_and_ends_where_the_broken_one_did(tmp_path):
    run = subprocess.run(
        [sys.executable, '-c', FOLLOWING, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr


def samples(process, values, role='rank', begin=0.0):
    return [
        Sample(0, role, process, begin + second, value, 9)
        for second, value in enumerate(values)
    ]


def test_a_slope_is_that_of_most_pairs():
    points = [(second, 5 + second / 36) for second in range(60)]
    points[30] = (30, 1e6)
    assert slope_per_hour([points]) == pytest.approx(100)
    assert slope_per_hour([points[:1], []]) is None


def test_what_a_process_takes_until_it_is_warm_is_no_slope():
    warming = [min(second, 300) for second in range(900)]
    found = slopes(samples('1', warming), 'memory', 120)
    assert found['ranks_within'] == 0
    leaking = [second / 36 for second in range(900)]
    found = slopes(samples('1', leaking, 'unbroken_rank'), 'memory', 120)
    assert found['unbroken_ranks_within'] == pytest.approx(100)
    assert found['ranks_within'] is None


def test_growth_over_restarts_is_a_slope_of_processes_of_one_age():
    lives = [samples(str(i), [i] * 20, begin=36 * i) for i in range(9)]
    samples_of_all = [sample for life in lives for sample in life]
    found = slopes(samples_of_all, 'memory', 120)
    assert found['ranks_over_restarts'] == pytest.approx(100)
    assert found['ranks_within'] is None
    assert slopes(lives[0], 'memory', 120)['ranks_over_restarts'] is None
    found = slopes(samples_of_all, 'files', 120)
    assert found['ranks_over_restarts'] == 0
