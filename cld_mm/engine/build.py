"""The runner of a config."""

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .runner import ResumableRunner


def build_runner(cfg: Config) -> Runner:
    """The config's runner: ResumableRunner unless it names another."""
    return RUNNERS.build(cfg) if 'runner_type' in cfg else ResumableRunner.from_cfg(cfg)
