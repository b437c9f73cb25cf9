"""An error is one line on stderr and an exit code."""

from typing import Any

import pytest
import torch
from torch import nn

from cld_mm.cli.command_line import command_line
from cld_mm.cli.error_messages import one_line
from cld_mm.config.error import ConfigError
from cld_mm.config.failing_part import PartRecorder
from cld_mm.registry import MODELS
from tests.helpers.recipes import read_recipe


@pytest.mark.parametrize(
    ('error', 'code', 'said'),
    [
        (ConfigError('lr is\n bad'), 2, 'error: lr is bad'),
        (KeyError('a key'), 2, 'error: a key'),
        (FileNotFoundError('no file'), 2, 'error: no file'),
        (ValueError(), 2, 'error: ValueError'),
        (FloatingPointError('nan'), 1, 'error: nan'),
        (
            RuntimeError('odd'),
            1,
            'error: RuntimeError: odd (run again with --debug for the traceback)',
        ),
        (KeyboardInterrupt(), 130, 'stopped by the keyboard.'),
    ],
)
def test_messages_and_exit_codes(
    error: Any, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving, command_line():
        raise error
    assert leaving.value.code == code
    assert capsys.readouterr().err == f'{said}\n'


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(ValueError, match='bad'), command_line(debug=True):
        raise ValueError('bad')


def test_the_part_of_the_config_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    cfg = read_recipe()
    cfg.model.cld.grouping.num_groups = 0

    def build() -> None:
        with command_line() as run:
            run.cfg, run.recorder = cfg, PartRecorder(cfg)
            with run.recorder.recording():
                MODELS.build(cfg.model)

    with pytest.raises(SystemExit):
        build()
    assert '[in model.cld.grouping (' in capsys.readouterr().err


def test_the_error_of_a_loader_process_is_its_last_line() -> None:
    text = (
        'Caught\nOriginal Traceback (most recent call last)\n  File\nOSError: a.png\n'
    )
    assert one_line(RuntimeError(text)) == 'a.png'


def torch_error(work: Any) -> Any:
    with pytest.raises(RuntimeError) as raised:
        work()
    return one_line(raised.value)


def test_channels_that_differ_name_the_settings() -> None:
    said = torch_error(lambda: nn.Conv2d(1, 4, 3)(torch.zeros(2, 3, 8, 8)))
    assert 'takes 1 channel(s), but the images have 3' in said
    assert 'model.backbone.in_channels=3' in said


def test_a_batch_of_one_names_the_settings() -> None:
    with pytest.raises(ValueError, match='Expected more than 1 value') as raised:
        nn.BatchNorm1d(4)(torch.zeros(1, 4))
    assert 'train_dataloader.drop_last=True' in one_line(raised.value)
