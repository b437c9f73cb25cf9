"""--cfg-options change what a part reads, or say what they should name."""

import pytest

from cld_mm.config.check_values import check_config
from cld_mm.config.command_line_overrides import merge_options
from cld_mm.config.error import ConfigError
from tests.helpers.recipes import read_recipe


@pytest.mark.parametrize(
    ('option', 'value', 'said'),
    [
        ('custom_hooks.0', None, 'custom_hooks.0 must be a dict, got None'),
        ('custom_hooks.0', 3, 'got 3: an item of a list takes settings, such as'),
        ('custom_hooks.99.type', 'A', "'99' is not an index into it"),
        ('custom_hooks.x', 3, "'x' is not an index into it"),
        ('custom_hooks.-1.type', 'A', "'-1' is not an index"),
        ('modle.size', 3, r"no section 'modle'; did you mean 'model'"),
        ('model.queue_len.x', 3, "'model.queue_len' is 65536, which has no settings"),
        ('default_hooks.checkpointz.interval', 3, r"did you mean 'checkpoint'"),
        ('train_dataloader.batch_size', {'a': 1}, 'a single value there; add _delete_'),
    ],
)
def test_what_no_option_may_name(
    option: str, value: dict | int | str | None, said: str
) -> None:
    cfg = read_recipe('mocov2_cld_r50_folder_200e')
    with pytest.raises(ConfigError, match=said) as raised:
        merge_options(cfg, {option: value})
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    'options',
    [
        {'optim_wrapper.clip_grad.max_norm': 1.0},
        {'optim_wrapper.paramwise_cfg.norm_decay_mult': 0.0},
        {'find_unused_parameters': True},
        {'sync_bn': 'torch'},
        {'model.backbone.norm_cfg.type': 'SyncBN'},
        {
            'model.backbone.init_cfg.checkpoint': 'a',
            'model.backbone.init_cfg.type': 'A',
        },
        {'model_wrapper_cfg.static_graph': True},
        {'custom_hooks.0.priority': 'LOW'},
        {'train_dataloader.prefetch_factor': 2},
        {'optim_wrapper.optimizer.nesterov': True},
        {'env_cfg.dist_cfg.backend': 'gloo'},
        {'model.cld': {'loss_weight': 0.5}},
    ],
)
def test_keys_that_a_part_or_mmengine_takes(options: dict) -> None:
    cfg = read_recipe()
    merge_options(cfg, options)
    check_config(cfg)
    for option, value in options.items():
        node = cfg
        for key in option.split('.'):
            node = node[int(key)] if key.isdecimal() else node[key]
        wanted = value.items() if isinstance(value, dict) else ()
        assert wanted <= dict(node).items() if wanted else node == value


@pytest.mark.parametrize(
    ('option', 'value', 'said'),
    [
        ('model.queue_lenght', 5, r"model.queue_lenght: MoCo .* mean 'queue_len'"),
        ('model.neck.out_channelz', 5, r"out_channelz: .* did you mean 'out_channels'"),
        ('model.backbone.dept', 18, r"mean 'depth'"),
        ('optim_wrapper.clip_grad.max_nrm', 1, r"mean 'max_norm'"),
        ('optim_wrapper.optimizer.momentun', 1, r"SGD has .* mean 'momentum'"),
        ('train_cfg.val_intervalx', 1, r"mean 'val_interval'"),
        ('model.foo.bar', 1, r"MoCo has no setting 'foo'"),
    ],
)
def test_keys_that_no_part_takes_get_a_suggestion(
    option: str, value: int, said: str
) -> None:
    cfg = read_recipe()
    merge_options(cfg, {option: value})
    with pytest.raises(ConfigError, match=said):
        check_config(cfg)


@pytest.mark.parametrize(
    ('recipe', 'option'),
    [
        ('mocov2_cld_r50_folder_200e', 'view.0.size'),
        ('mocov2_cld_r18_fashionmnist_10e', 'view.1.size'),
        ('mocov2_cld_r18_fashionmnist_10e', 'data_root'),
        ('mocov2_cld_r18_fashionmnist_10e', 'max_epochs'),
        ('mocov2_cld_r18_fashionmnist_10e', 'vis_backends.0.type'),
        ('mocov2_cld_r18_fashionmnist_10e', 'cld.loss_weight'),
    ],
)
def test_a_variable_that_was_copied_names_the_option_that_works(
    recipe: str, option: str
) -> None:
    cfg = read_recipe(recipe)
    with pytest.raises(ConfigError, match='is a variable of the config file') as raised:
        merge_options(cfg, {option: 64})
    advice = str(raised.value).split('set ')[1].removesuffix(' instead.')
    for advised in advice.split(' and '):
        merge_options(cfg, {advised: 64})
        node = cfg
        for key in advised.split('.'):
            node = node[int(key)] if key.isdecimal() else node[key]
        assert node == 64


def test_a_dict_replaces_what_was_there_by_delete() -> None:
    cfg = read_recipe()
    new = {'_delete_': True, 'type': 'MLP', 'in_channels': 128, 'out_channels': 64}
    merge_options(cfg, {'model.neck': dict(new)})
    del new['_delete_']
    assert cfg.model.neck == new


def test_a_dict_replaces_a_single_value_by_delete() -> None:
    cfg = read_recipe()
    merge_options(cfg, {'load_from': {'_delete_': True, 'a': 1}})
    assert cfg.load_from == {'a': 1}
