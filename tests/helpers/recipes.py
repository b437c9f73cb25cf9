"""Recipes of configs/, read for tests."""

from mmengine.config import Config

from . import ROOT


def read_recipe(name: str = 'mocov2_cld_r18_fashionmnist_10e') -> Config:
    """A recipe as the command line reads it, on one rank."""
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    cfg.launcher = 'none'
    return cfg
