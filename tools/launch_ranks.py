"""torchrun that ends with one sentence: which rank failed first, and of what.

``tools/dist_train.sh`` starts it with torchrun's own flags. Exits with the code of the
rank that failed first, or after a signal, which the ranks have got too, with 128 and
the signal's number.
"""

import logging
import signal
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
)


def last_sentence(rank: int, failure: ProcessFailure) -> str:
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


def main() -> None:
    if '--debug' not in sys.argv:
        # Its warnings and its table of all ranks bury the ranks' own last lines.
        logging.disable(logging.WARNING)
        logging.getLogger('torch.distributed').setLevel(logging.CRITICAL)
    try:
        run.main(sys.argv[1:])
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(last_sentence(rank, failure), file=sys.stderr, flush=True)
        sys.exit(failure.exitcode if failure.exitcode > 0 else 1)


if __name__ == '__main__':
    main()
