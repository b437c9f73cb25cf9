"""Settings of distributed training that exclude each other are named."""

import pytest

from cld_mm.config.check_parallelism import check_parallel
from cld_mm.config.error import ConfigError
from tests.helpers.recipes import read_recipe


@pytest.mark.parametrize(
    ('recipe', 'options', 'said'),
    [
        (
            'r50_static_graph_200e',
            {'optim_wrapper.accumulative_counts': 2},
            'a static graph has one backward pass .*accumulative_counts is 2: remove',
        ),
        (
            'r50_compile_200e',
            {'model.backbone.with_cp': True},
            'cannot trace recomputed blocks: remove one of the two',
        ),
        ('r50_zero_200e', {'launcher': 'none'}, r'there is one: start with .*dist_tra'),
        (
            'r50_zero_200e',
            {'train_dataloader.sampler.round_up': False},
            'round_up must not be False on several ranks',
        ),
        ('vit-l16_fsdp_300e', {'optim_wrapper.dtype': 'float16'}, "must be 'bfloat16'"),
        (
            'vit-l16_fsdp_300e',
            {'optim_wrapper.optimizer.type': 'ZeroRedundancyOptimizer'},
            'already: set the one in optimizer_type',
        ),
        (
            'vit-l16_fsdp_300e',
            {'custom_hooks': [{'type': 'CompileHook'}]},
            'CompileHook needs whole weights',
        ),
    ],
)
def test_settings_that_exclude_each_other(
    recipe: str, options: dict, said: str
) -> None:
    cfg = read_recipe(f'scaling/mocov2_cld_{recipe}')
    cfg.merge_from_dict({'launcher': 'pytorch', **options})
    with pytest.raises(ConfigError, match=said) as raised:
        check_parallel(cfg)
    assert '\n' not in str(raised.value)
