"""Settings of distributed training that exclude each other, named before building."""

from mmengine.config import Config

from .error import ConfigError


def check_parallel(cfg: Config) -> None:
    """Check the model's wrapper against optimizer, hooks and launcher.

    Raises:
        ConfigError: two settings exclude each other.
    """
    wrapper = cfg.get('model_wrapper_cfg') or {}
    optim = cfg.get('optim_wrapper') or {}
    hooks = {hook.get('type') for hook in cfg.get('custom_hooks') or []}
    zero = (optim.get('optimizer') or {}).get('type') == 'ZeroRedundancyOptimizer'
    batches = optim.get('accumulative_counts', 1)
    is_sharded = wrapper.get('type') == 'FullySharded'
    has_ranks = cfg.get('launcher', 'none') != 'none'
    sampler = (cfg.get('train_dataloader') or {}).get('sampler') or {}
    rules = [
        (
            wrapper.get('static_graph') and batches > 1,
            'model_wrapper_cfg.static_graph: a static graph has one backward pass per '
            f'gradient exchange, but optim_wrapper.accumulative_counts is {batches}: '
            'remove one of the two.',
        ),
        (
            has_ranks and not sampler.get('round_up', True),
            'train_dataloader.sampler.round_up must not be False on several ranks: '
            'they exchange equally many images per step.',
        ),
        (
            zero and not has_ranks,
            'optim_wrapper.optimizer.type: ZeroRedundancyOptimizer splits its states '
            'over ranks, but there is one: start with tools/dist_train.sh, or set '
            'another optimizer.',
        ),
        (
            'CompileHook' in hooks and (cfg.model.get('backbone') or {}).get('with_cp'),
            'model.backbone.with_cp: torch.compile (CompileHook, --compile) cannot '
            'trace recomputed blocks: remove one of the two.',
        ),
        (
            is_sharded and zero,
            'optim_wrapper.optimizer.type: FullySharded splits the states of any '
            'optimizer already: set the one in optimizer_type itself.',
        ),
        (
            is_sharded
            and optim.get('type') == 'PortableAmpOptimWrapper'
            and optim.get('dtype') != 'bfloat16',
            f"optim_wrapper.dtype must be 'bfloat16' under FullySharded, which does "
            f'not scale the loss, got {optim.get("dtype")!r}.',
        ),
        *(
            (
                is_sharded and name in hooks,
                f'custom_hooks: {name} needs whole weights, and FullySharded splits '
                'them: remove one of the two.',
            )
            for name in ('CompileHook', 'GradientCompressionHook')
        ),
    ]
    for is_broken, message in rules:
        if is_broken:
            raise ConfigError(message)
