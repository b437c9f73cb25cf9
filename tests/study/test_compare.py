"""The quickstart's comparison: pixels, an untrained and a trained network."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cld_mm.study.compare import Comparison, comparison_table, wins
from cld_mm.study.quiet import output_to


class Stored:
    """Images in memory, as the comparison takes them."""

    def __init__(self, count: Any, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.arange(count) % 2
        self.pixels = torch.randint(0, 60, (count, 1, 9, 9), generator=generator)
        self.pixels[:, :, 3:6, 3:6] += 80 * self.labels[:, None, None, None]
        self.pixels = self.pixels.to(torch.uint8)

    def as_pixels(self) -> tuple:
        return self.pixels, self.labels


def test_sides_are_measured_on_the_same_images() -> None:
    comparison = Comparison(Stored(200, 0), Stored(80, 1), tell=lambda text: None)
    comparison.measure_pixels()
    blind = comparison.measure('untrained', lambda x: torch.ones(len(x), 2))
    comparison.measure('trained', lambda x: x.float().mean((1, 2, 3))[:, None] ** 3)
    found = comparison.results
    assert found['pixels']['plain']['linear'] > 95
    assert found['untrained']['plain']['linear'] == 50
    assert blind['moved'].shape == (80, 2)
    text = comparison_table(found)
    assert text.count('%') == 12
    assert f'{found["pixels"]["moved"]["knn"]:.1f} %' in text


def sides(linear: Any, knn: Any) -> dict:
    """Results of pixels and an untrained network at 50, and of these."""
    base = {'plain': {'linear': 50.0, 'knn': 50.0}}
    return {
        'pixels': base,
        'untrained': base,
        'trained': {'plain': {'linear': linear, 'knn': knn}},
    }


@pytest.mark.parametrize(
    ('linear', 'knn', 'expected'),
    [(52, 50.1, True), (51.9, 60, False), (60, 50, False), (60, 49, False)],
)
def test_winning_takes_two_points_linear_and_knn(
    linear: float, knn: float, expected: bool
) -> None:
    assert wins(sides(linear, knn), 'plain') is expected


def test_output_goes_to_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / 'log.txt'
    with output_to(log) as terminal:
        print('a dump')
        handler = logging.StreamHandler(sys.stdout)
        logging.getLogger('noisy').addHandler(handler)
        logging.getLogger('noisy').warning('a warning')
        print('seen', file=terminal)
    print('after')
    assert log.read_text() == 'a dump\na warning\n'
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ('after\n', 'seen\n')
    assert handler not in logging.getLogger('noisy').handlers
    with output_to(log, verbose=True):
        print('shown')
    assert capsys.readouterr().out == 'shown\n'
