"""Registries of the project: children of mmpretrain's, with scope 'cld_mm'.

A child looks a name up among its own parts, then among mmpretrain's, then
among mmengine's. So with ``default_scope = 'cld_mm'`` a config names the parts
of all three alike and without a prefix; ``type='mmpretrain.MoCo'`` still
reaches a part of mmpretrain that has the same name as one of ours.
"""

from .compat import apply_compat

apply_compat()  # before mmpretrain, which imports torchvision

from mmengine.registry import DefaultScope, Registry  # noqa: E402
from mmpretrain import registry as mmpretrain_registry  # noqa: E402


def _child(name: str, parent: str, locations: list[str]) -> Registry:
    # A part of mmpretrain is only known once its package is imported.
    packages = {'.'.join(location.split('.')[:2]) for location in locations}
    theirs = [package.replace('cld_mm', 'mmpretrain') for package in packages]
    return Registry(
        name,
        parent=getattr(mmpretrain_registry, parent),
        locations=locations + theirs,
        scope='cld_mm',
    )


# cld_mm.models itself imports nothing, so that its plain torch parts need no mmengine.
MODEL_PARTS = 'registration', 'algorithms', 'data_preprocessors', 'heads', 'necks'
MODELS = _child(
    'model',
    'MODELS',
    [f'cld_mm.models.{part}' for part in MODEL_PARTS],
)
WEIGHT_INITIALIZERS = _child(
    'weight initializer', 'WEIGHT_INITIALIZERS', ['cld_mm.models.utils.pretrained_init']
)
MODEL_WRAPPERS = _child('model_wrapper', 'MODEL_WRAPPERS', ['cld_mm.engine'])
HOOKS = _child('hook', 'HOOKS', ['cld_mm.engine'])
LOOPS = _child('loop', 'LOOPS', ['cld_mm.engine'])
OPTIM_WRAPPERS = _child('optim_wrapper', 'OPTIM_WRAPPERS', ['cld_mm.engine'])
OPTIMIZERS = _child('optimizer', 'OPTIMIZERS', ['cld_mm.engine'])
PARAM_SCHEDULERS = _child('parameter scheduler', 'PARAM_SCHEDULERS', ['cld_mm.engine'])
DATASETS = _child('dataset', 'DATASETS', ['cld_mm.datasets'])
DATA_SAMPLERS = _child('data sampler', 'DATA_SAMPLERS', ['cld_mm.datasets'])
TRANSFORMS = _child('transform', 'TRANSFORMS', ['cld_mm.datasets'])
METRICS = _child('metric', 'METRICS', ['cld_mm.evaluation'])
EVALUATORS = _child('evaluator', 'EVALUATORS', ['cld_mm.evaluation'])
VISUALIZERS = _child('visualizer', 'VISUALIZERS', ['cld_mm.visualization'])
# Without parts of our own; mmengine warns about a scope that lacks one of these.
RUNNERS = _child('runner', 'RUNNERS', ['cld_mm.engine'])
RUNNER_CONSTRUCTORS = _child(
    'runner constructor', 'RUNNER_CONSTRUCTORS', ['cld_mm.engine']
)
LOG_PROCESSORS = _child('log processor', 'LOG_PROCESSORS', ['cld_mm.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor', 'OPTIM_WRAPPER_CONSTRUCTORS', ['cld_mm.engine']
)
VISBACKENDS = _child('vis_backend', 'VISBACKENDS', ['cld_mm.engine'])
TASK_UTILS = _child('task util', 'TASK_UTILS', ['cld_mm.engine'])


def enter_scope(scope: str | None = None) -> None:
    """Resolve names as a Runner would, for code that builds parts without one.

    Args:
        scope: a config's ``default_scope``.
    """
    if DefaultScope.get_current_instance() is None:
        DefaultScope.get_instance('cld_mm', scope_name=scope or 'cld_mm')
