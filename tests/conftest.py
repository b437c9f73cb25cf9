"""Fixtures that all tests share."""

import multiprocessing
from pathlib import Path

import pytest
import torch

import cld_mm.registry  # noqa: F401
from cld_mm.datasets.preparation.fashion_mnist import fetch

torch.set_num_threads(1)
# Ranks are forked from a process that has imported all this once, for all tests; not
# from the tests' own, whose autograd engine does not survive it.
multiprocessing.set_forkserver_preload(['cld_mm.engine', 'cld_mm.cli.run_tool'])


@pytest.fixture(scope='session')
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real 8×8 digits in Fashion-MNIST's layout."""
    folder = tmp_path_factory.mktemp('digits')
    fetch(folder, 'digits')
    return folder


@pytest.fixture
def views() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(6, 3, 8, 8, generator=generator) for _ in range(3)]
