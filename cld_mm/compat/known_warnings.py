"""Warnings of today's releases about nothing that a user can change.

Each line says when it is no longer needed.
"""

import warnings

MESSAGES = (
    # mmengine 0.10 passes what torch 2.13 deprecates; until mmengine 0.11.
    r'.broadcast_buffers. is deprecated',
    # torch before and in 2.13, for 1x1 convolutions in channels_last under DDP: the
    # copy it warns of takes less than the all-reduce.
    r'Grad strides do not match bucket view strides',
    # mmengine 0.10 sets one thread per process of several, as intended.
    r'Setting (OMP|MKL)_NUM_THREADS environment variable',
    # mmengine 0.10, for an EMA copy of a module that is initialized.
    r'init_weights of \w+ has been called more than once',
    # mmengine 0.10 counts iterations of an accumulation as optimizer steps.
    r'Detected call of `scheduler.step\(\)` before `optimizer.step\(\)`',
    # torch, for files of another pickle protocol; those it cannot read are an error.
    r'Detected pickle protocol',
    # mmengine 0.10 builds float16's gradient scaler by its old name; until 0.11.
    r'.torch.cuda.amp.GradScaler',
)


def ignore_known_warnings() -> None:
    """Ignore them in this process."""
    for message in MESSAGES:
        warnings.filterwarnings('ignore', message=message)
