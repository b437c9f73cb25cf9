"""Ranks that never come are named."""

import socket

import pytest

from cld_mm.distributed.process_group import RankAbsent, meet


@pytest.mark.parametrize(
    ('rank', 'said'),
    [
        (0, r'rank 1, 2 of 3 has not come within 0.5 s: see its log'),
        (2, r'rank 0, which keeps the store at 127.0.0.1:\d+, has not come within'),
    ],
)
def test_ranks_that_never_come_are_named(
    rank: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as sock:
        port = sock.getsockname()[1]
    place = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port, 'RANK': rank}
    for name, value in {**place, 'WORLD_SIZE': 3}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv('TORCHELASTIC_USE_AGENT_STORE', raising=False)
    with pytest.raises(RankAbsent, match=said):
        meet(0.5)
