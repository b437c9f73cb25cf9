"""tools/dist_train.sh: its port, and advice that works when it is followed."""

import socket
from pathlib import Path

import pytest

from tests.helpers.run_tools import load_program, run_process
from tests.helpers.training import CONFIG, options

DIST_TRAIN = 'tools/dist_train.sh'


def test_a_free_port_is_the_default() -> None:
    launch_ranks = load_program('tools/launch_ranks.py')
    arguments, port = launch_ranks.with_port(['--a=1', '--master_port=auto', 'b'])
    assert arguments == ['--a=1', f'--master_port={port}', 'b']
    with socket.socket() as free:
        free.bind(('127.0.0.1', int(port)))


def test_a_port_that_is_set_is_kept() -> None:
    launch_ranks = load_program('tools/launch_ranks.py')
    arguments = ['--master_port=29123', 'b']
    assert launch_ranks.with_port(arguments) == (arguments, '29123')


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(('0.0.0.0', 0)) as server:
        port = str(server.getsockname()[1])
        done = run_process(DIST_TRAIN, CONFIG, 2, ok=False, PORT=port)
    assert done.stderr.startswith(f'error: port {port} is taken')
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_unused_stage_names_an_option_that_works(
    digits: Path, tmp_path: Path
) -> None:
    unused = options(
        digits,
        train_cfg__max_epochs=1,
        train_dataloader__batch_size=4,
        model__backbone__out_indices='(2,)',
        model__neck__in_channels=64,
    )
    words = (DIST_TRAIN, CONFIG, 2, '--no-validate', '--work-dir', tmp_path, *unused)
    said = run_process(*words, ok=False).stderr
    assert 'some weights got no gradient' in said
    option = said.split('--cfg-options ')[1].split(',')[0]
    assert option == 'find_unused_parameters=True'
    run_process(*words, option)
