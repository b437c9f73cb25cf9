"""Shared by all tests: package first, small models, two-process runs."""

import contextlib
import importlib.util
import io
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import distributed as dist
from torch import multiprocessing as mp

import cld_mm.registry  # noqa: F401
from cld_mm.datasets.preparation.fashion_mnist import fetch
from cld_mm.fileio.secure_mmengine import secure_mmengine
from cld_mm.registry import MODELS

secure_mmengine()  # as the command-line tools do

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[1]
# Ranks are forked from a process that has imported all this once, for all tests; not
# from the tests' own, whose autograd engine does not survive it.
multiprocessing.set_forkserver_preload(['cld_mm.engine', 'cld_mm.cli.run_tool'])


def _rank(rank: int, world_size: int, port: int, function: Callable, args: tuple):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    try:
        function(rank, *args)
    finally:
        dist.destroy_process_group()


def run_ranks(function: Callable, world_size: int = 2, args: tuple = ()) -> None:
    """Run ``function(rank, *args)`` in processes joined over gloo."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = sock.getsockname()[1]
    mp.start_processes(
        _rank,
        (world_size, port, function, args),
        nprocs=world_size,
        start_method='forkserver',
    )


class Called(NamedTuple):
    """How a tool ended that ran in this process."""

    code: int
    stdout: str
    stderr: str


def call_tool(path: str, *words: Any) -> Called:
    """``python PATH WORDS...`` without the seconds that a new process takes."""
    spec = importlib.util.spec_from_file_location(
        f'tool_{Path(path).stem}', ROOT / path
    )
    tool = importlib.util.module_from_spec(spec)
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv, sys.argv = sys.argv, [path, *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            spec.loader.exec_module(tool)
            tool.main()
    except SystemExit as leaving:
        code = leaving.code or 0
    finally:
        sys.argv = argv
    return Called(code, out.getvalue(), err.getvalue())


def tiny_moco(cld: dict | None = None, **settings):
    """A MoCo with a ResNet-18 of width 4 for 3×8×8 images."""
    neck = {'type': 'TwoBranchNeck' if cld else 'NormMLP', 'in_channels': 32}
    config = {
        'type': 'MoCo',
        'backbone': {
            'type': 'ResNet_CIFAR',
            'depth': 18,
            'stem_channels': 4,
            'base_channels': 4,
            'zero_init_residual': False,
        },
        'neck': {**neck, 'out_channels': 8},
        'head': {'type': 'InfoNCEHead', 'temperature': 0.2},
        'cld': cld,
        'queue_len': 20,
        'feat_dim': 8,
        'momentum': 0.1,
        **settings,
    }
    torch.manual_seed(0)
    return MODELS.build(config)


CLD = {
    'grouping': {'num_groups': 3, 'num_iters': 3},
    'loss': {'temperature': 0.4},
    'loss_weight': 0.25,
}


@pytest.fixture(scope='session')
def digits(tmp_path_factory) -> Path:
    """A folder of real 8×8 digits in Fashion-MNIST's layout."""
    folder = tmp_path_factory.mktemp('digits')
    fetch(folder, 'digits')
    return folder


@pytest.fixture
def views() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(6, 3, 8, 8, generator=generator) for _ in range(3)]
