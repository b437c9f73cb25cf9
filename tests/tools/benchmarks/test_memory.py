"""The benchmark of memory measures one variant at a time, and closes with its line."""

import gc
import importlib
import json
import sys
import weakref
from typing import Any

import pytest


def test_no_variant_lives_on_beside_the_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = importlib.import_module('tools.benchmarks.memory')
    backbones: list[weakref.ref] = []
    plain_build = memory.build

    def build(name: str, args: Any) -> Any:
        assert all(backbone() is None for backbone in backbones)
        model = plain_build(name, args)
        backbones.append(weakref.ref(model.backbone))
        return model

    monkeypatch.setattr(memory, 'build', build)
    words = '--batch 2 --queue 65536 --images 4 --groups 2 --pixels 8 --variants '
    words += 'moco moco_queue_fp16'
    monkeypatch.setattr(sys, 'argv', ['memory.py', *words.split()])
    gc.disable()  # when it runs by itself is chance
    try:
        memory.main()
    finally:
        gc.enable()
    closing = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(backbones) == 2
    assert set(closing['peak_over_held']) == {'moco', 'moco_queue_fp16'}
    # 17 MB of a peak that the queue's 34 MB are a part of.
    assert 0.5 < closing['peak_with_queue_fp16'] < 0.95
