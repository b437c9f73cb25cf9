"""What to do about errors of torch's that name no setting."""

import re

# Pattern of torch's text, and what to say instead; {0} is the pattern's first group.
KNOWN = (
    (
        r'Expected to have finished reduction in the prior iteration',
        'some weights got no gradient in the last step, and DistributedDataParallel '
        'waits for them: set --cfg-options find_unused_parameters=True, or '
        'remove or freeze the part that the loss does not use',
    ),
    (
        r'expected input\[[\d, ]+\] to have (\d+) channels?, but got (\d+) channels?',
        'the network takes {0} channel(s), but the images have {1}: set '
        'model.backbone.in_channels={1}, with one number for all channels in '
        'model.data_preprocessor.mean and std',
    ),
    (
        r'Expected more than 1 value per channel when training',
        'BatchNorm needs more than one image in a batch: set '
        'train_dataloader.drop_last=True, or a larger train_dataloader.batch_size',
    ),
    (
        r'CUDA out of memory',
        'the GPU is out of memory: set a smaller train_dataloader.batch_size, '
        'model.backbone.with_cp=True, or use --amp',
    ),
    (
        r'(?:EADDRINUSE|(?i:address already in use))',
        'the port is taken, perhaps by another run on this machine: set another one '
        'by the environment variable PORT (MASTER_PORT under Slurm)',
    ),
)


def advice_for(text: str) -> str | None:
    """A message for an error of torch's; None where it is not a known one."""
    for pattern, advice in KNOWN:
        found = re.search(pattern, text)
        if found:
            return advice.format(*found.groups())
    return None
