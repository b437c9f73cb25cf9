"""--safe-config: a stranger's config runs nothing."""

import json
import sys
from pathlib import Path

import pytest
from cld_mm.config.untrusted_config import load_safe_config
from mmengine.config import Config

from cld_mm.config.error import ConfigError
from tests.helpers import ROOT

RECIPE = ROOT / 'configs/mocov2_cld_r18_fashionmnist_10e.py'


def test_dumps_of_other_recipes_are_safe_configs(tmp_path: Path) -> None:
    for recipe in sorted((ROOT / 'configs').rglob('*.py'))[::7]:
        if not {'_base_', 'mmdetection'} & set(recipe.parts):
            Config.fromfile(recipe).dump(tmp_path / 'a.json')
            assert load_safe_config(tmp_path / 'a.json').model.type, recipe


def test_a_dump_of_a_recipe_is_a_safe_config(tmp_path: Path) -> None:
    for suffix in ('json', 'yaml'):
        path = tmp_path / f'recipe.{suffix}'
        Config.fromfile(RECIPE).dump(str(path))
        cfg = load_safe_config(path)
        assert cfg.model.type == Config.fromfile(RECIPE).model.type
        assert 'work_dir' not in cfg


@pytest.mark.parametrize('kind', ['omap', 'pairs'])
def test_pairs_of_yaml_hide_no_part(kind: str, tmp_path: Path) -> None:
    path = tmp_path / 'config.yaml'
    path.write_text(
        f'pipeline: !!{kind}\n- ? {{type: RandomFlip}}\n  : {{type: os.system}}\n'
    )
    with pytest.raises(ConfigError, match=r"pipeline.0.1.type: 'os.system' is no reg"):
        load_safe_config(path)


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'text': 1}, 'cannot be read: text is reserved'),
        (
            {'dist_cfg': {'init_method': 'file:///a'}},
            'dist_cfg.init_method: .* written',
        ),
        ({'backend_args': {'backend': 'lmdb', 'db_path': '/a'}}, 'db_path'),
        ({'hook': {'out_dir': ['/']}}, 'hook.out_dir'),
        ({'a': {'type': 'WandbVisBackend'}}, r'a.type: .* no registered part'),
        ({'a': {'type': 'mmengine.MLflowVisBackend'}}, 'a.type: '),
        ({'_base_': 'a.py'}, '_base_'),
        ({'custom_imports': {'imports': ['evil']}}, 'custom_imports'),
        ({'model': {'type': 'os.system'}}, r"model.type: 'os.system' is no"),
        ({'model': {'type': 'mmengine.os.system'}}, 'no registered part'),
        ({'model': {'type': 'cld_mm.subprocess.run'}}, 'no registered part'),
        ({'hooks': [{'type': 'builtins.exec'}]}, r'hooks.0.type'),
        ({'model': {'type': ['MoCo']}}, 'no registered part'),
        ({'runner_type': 'evil.Runner'}, 'runner_type'),
        ({'data': {'ann_file': 'a.pkl'}}, r'data.ann_file'),
        ({'optim_wrapper': {'constructor': 'evil.C'}}, 'constructor'),
        ({'default_scope': 'evil'}, 'default_scope'),
        ({'hook': {'filename_tmpl': '../../{}'}}, r'hook.filename_tmpl: .* written'),
        ({'hook': {'out_dir': '/'}}, 'hook.out_dir'),
        ({'metric': {'collect_dir': '/'}}, 'metric.collect_dir'),
        ({'model': {'type': 'mmpretrain.RAMNormal'}}, 'no registered part'),
        (
            {'a': {'type': 'torchvision/ToTensor', 'dtype': 'x or 1/0'}},
            'a.dtype: .* type',
        ),
    ],
)
def test_a_safe_config_runs_nothing(values: dict, reason: str, tmp_path: Path) -> None:
    path = tmp_path / 'config.json'
    path.write_text(json.dumps(values))
    before = set(sys.modules)
    with pytest.raises(ConfigError, match=reason):
        load_safe_config(path)
    assert not {name for name in set(sys.modules) - before if 'evil' in name}


def test_a_safe_config_is_a_dump(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='a Python config is a program'):
        load_safe_config(RECIPE)
    path, mark = tmp_path / 'config.yaml', tmp_path / 'mark'
    path.write_text(f'model: !!python/object/apply:os.system ["touch {mark}"]')
    with pytest.raises(ConfigError, match='cannot be read'):
        load_safe_config(path)
    assert not mark.exists()
    laughs = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n' + ''.join(
        f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]\n' for n in range(1, 9)
    )
    path.write_text(laughs)
    with pytest.raises(ConfigError, match='more than 100000 values'):
        load_safe_config(path)
    path.write_text('a: &a [*a]')
    with pytest.raises(ConfigError, match='50 deep'):
        load_safe_config(path)
