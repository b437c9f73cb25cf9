"""Ways to spread the work that do not go together, named before anything is built."""

from mmengine.config import Config

from .error import ConfigError


def check_parallel(cfg: Config) -> None:
    """Check what wraps the model against optimiser, hooks and launcher.

    Raises:
        ConfigError: two settings exclude each other.
    """
    wrapper = cfg.get('model_wrapper_cfg') or {}
    optim = cfg.get('optim_wrapper') or {}
    hooks = {hook.get('type') for hook in cfg.get('custom_hooks') or []}
    zero = (optim.get('optimizer') or {}).get('type') == 'ZeroRedundancyOptimizer'
    batches = optim.get('accumulative_counts', 1)
    if wrapper.get('static_graph') and batches > 1:
        raise ConfigError(
            f'model_wrapper_cfg.static_graph: it is set and optim_wrapper.'
            f'accumulative_counts is {batches}, but a static graph has one backward '
            'pass for each exchange of gradients: leave one of them out.'
        )
    several = cfg.get('launcher', 'none') != 'none'
    sampler = (cfg.get('train_dataloader') or {}).get('sampler') or {}
    if several and not sampler.get('round_up', True):
        raise ConfigError(
            'train_dataloader.sampler.round_up: it is False, but ranks exchange '
            'equally many images in each step: leave it out, or train on one rank.'
        )
    if zero and not several:
        raise ConfigError(
            'optim_wrapper.optimizer.type: ZeroRedundancyOptimizer splits its states '
            'over ranks and this run has none: start it with tools/dist_train.sh, or '
            'set another optimiser.'
        )
    if 'CompileHook' in hooks and (cfg.model.get('backbone') or {}).get('with_cp'):
        raise ConfigError(
            'model.backbone.with_cp: it is set and CompileHook (--compile) is there, '
            'but torch.compile cannot follow blocks that run twice: leave one out.'
        )
    if wrapper.get('type') != 'FullySharded':
        return
    if zero:
        raise ConfigError(
            'optim_wrapper.optimizer.type: FullySharded splits the states of any '
            'optimiser already: name that of optimizer_type itself.'
        )
    if (
        optim.get('type') == 'PortableAmpOptimWrapper'
        and optim.get('dtype') != 'bfloat16'
    ):
        raise ConfigError(
            f'optim_wrapper.dtype: it is {optim.get("dtype")!r}, whose loss must be '
            'scaled by all ranks alike, which FullySharded does not do: set '
            "'bfloat16'."
        )
    for name in ('CompileHook', 'GradientCompressionHook'):
        if name in hooks:
            raise ConfigError(
                f'custom_hooks: {name} works on whole weights, and FullySharded '
                'splits them: leave one of the two out.'
            )
