"""QuietRunner: mmengine's Runner that leaves a terminal readable, on a CPU too."""

import logging
import sys

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.runner import Runner
from tqdm import tqdm

from ..compat.cpu_distributed import has_accelerator


class AboveTheBar(logging.Handler):
    """Prints log records above a progress bar, without the bulky ones.

    Lines of single training iterations, which the bar shows, and dumps of
    configuration, environment and hooks go to the log file alone.

    Args:
        replaced: the terminal's handler, whose format and level are kept.
    """

    def __init__(self, replaced: logging.Handler) -> None:
        super().__init__(replaced.level)
        self.setFormatter(replaced.formatter)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        bulky = message.count('\n') > 3 or 'Epoch(train)' in message
        if record.levelno >= logging.WARNING or not bulky:
            tqdm.write(self.format(record), file=sys.stderr)


class QuietRunner(Runner):
    """As mmengine's Runner; on a terminal it logs above the progress bar.

    Without an accelerator, synchronised BatchNorm, which needs one, becomes plain.
    """

    def wrap_model(self, model_wrapper_cfg, model):
        """Wrap the model for several ranks, if there are several."""
        if not has_accelerator():
            model = revert_sync_batchnorm(model)
        return super().wrap_model(model_wrapper_cfg, model)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """The logger, its terminal handler replaced where there is a terminal."""
        logger = super().build_logger(*args, **kwargs)
        if is_main_process() and sys.stderr.isatty():
            for handler in list(logger.handlers):
                if type(handler) is logging.StreamHandler:
                    logger.removeHandler(handler)
                    logger.addHandler(AboveTheBar(handler))
        return logger
