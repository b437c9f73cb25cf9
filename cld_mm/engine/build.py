"""The runner of a config."""

from collections.abc import MutableMapping

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from cld_mm.config.tree import walk_value

from .runner import ResumableRunner


def build_runner(cfg: Config) -> Runner:
    """The config's runner: ResumableRunner unless it names another."""
    load_strictly(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else ResumableRunner.from_cfg(cfg)


def load_strictly(cfg: Config) -> None:
    """Replace mmengine's Pretrained, wherever the model has it, in place.

    It only warns about weights that do not fit, and they stay random;
    StrictPretrained ends the run.
    """
    for node in walk_value(cfg.get('model'), 'model'):
        init = node.value
        if isinstance(init, MutableMapping) and init.get('type') == 'Pretrained':
            init['type'] = 'StrictPretrained'
