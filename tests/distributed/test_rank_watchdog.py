"""The watchdog tells errors of communication from others."""

from cld_mm.distributed.rank_watchdog import is_communication_error


def test_errors_of_collectives_are_told_from_others() -> None:
    assert is_communication_error(RuntimeError('[gloo] Connection closed by peer'))
    assert not is_communication_error(ValueError('temperature is 0'))
