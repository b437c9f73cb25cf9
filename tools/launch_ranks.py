"""torchrun that ends with one line: which rank failed first, and of what.

``tools/dist_train.sh`` and ``dist_test.sh`` start it with torchrun's own flags;
``--master_port=auto`` takes a free port. Exits with the code of the rank that failed
first, or after a signal, which the ranks get too, with 128 + its number.
"""

import logging
import signal
import socket
import sys
from typing import NoReturn

from torch.distributed import DistNetworkError, run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
)

PORT_FLAG = '--master_port='


def failure_message(rank: int, failure: ProcessFailure) -> str:
    """What the first failed rank said, or how it ended if it could not say."""
    said = failure.error_file_data.get('message')
    if isinstance(said, dict) and said.get('message'):
        return f'training stopped: {said["message"]}'
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        hint = ' (out of memory, or ended by hand)' if name == 'SIGKILL' else ''
        how = f'was killed by {name}{hint}'
    else:
        how = f'left with exit code {failure.exitcode}; its own lines above say why'
    return f'error: rank {rank} {how}; all ranks have been stopped.'


def with_port(arguments: list[str]) -> tuple[list[str], str]:
    """torchrun's flags with a free port for ``auto``; and the port, '' without one."""
    for place, argument in enumerate(arguments):
        if argument.startswith(PORT_FLAG):
            port = argument.removeprefix(PORT_FLAG)
            if port == 'auto':
                with socket.socket() as free:
                    free.bind(('127.0.0.1', 0))
                    port = str(free.getsockname()[1])
            rest = arguments[place + 1 :]
            return [*arguments[:place], f'{PORT_FLAG}{port}', *rest], port
    return arguments, ''


def fail(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)


def main() -> None:
    if '--debug' not in sys.argv:
        # Its warnings and its table of all ranks bury the ranks' own last lines.
        logging.disable(logging.ERROR)
    arguments, port = with_port(sys.argv[1:])
    try:
        run.main(arguments)
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        code = failure.exitcode if failure.exitcode > 0 else 1
        fail(failure_message(rank, failure), code)
    except DistNetworkError as error:
        if port and 'EADDRINUSE' in str(error):
            fail(
                f'error: port {port} is taken, perhaps by another run: set PORT to a '
                'free one, or leave PORT unset on a single machine.',
                2,
            )
        fail(f'error: the ranks cannot connect: {str(error).splitlines()[0]}', 1)


if __name__ == '__main__':
    main()
