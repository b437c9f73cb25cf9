"""Logged histories stay bounded."""

from types import SimpleNamespace

from cld_mm.engine.loops.resumable import shorten_histories


def test_logged_histories_do_not_grow_for_ever() -> None:
    from mmengine.logging import HistoryBuffer

    history = HistoryBuffer(list(range(50_000)), [1] * 50_000)
    hub = SimpleNamespace(log_scalars={'loss': history})
    shorten_histories(hub, epoch=4)
    assert len(history.data[0]) == len(history.data[1]) == 10_000
    assert history.current() == 49_999
    shorten_histories(hub, epoch=4)
    assert len(history.data[0]) == 10_000
