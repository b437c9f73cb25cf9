"""build_runner: weights are loaded strictly wherever a model names them."""

from mmengine.config import Config

from cld_mm.engine.build import load_strictly


def test_every_pretrained_part_is_loaded_strictly() -> None:
    init = {'type': 'Pretrained', 'checkpoint': 'weights.pth', 'prefix': 'encoder'}
    cfg = Config(
        {
            'model': {
                'init_cfg': [init, {'type': 'Constant', 'val': 1}],
                'backbone': {'init_cfg': dict(init)},
                'algorithm': {'neck': {'init_cfg': dict(init)}},
            }
        }
    )
    load_strictly(cfg)
    strict = {**init, 'type': 'StrictPretrained'}
    assert cfg.model.init_cfg[0] == strict
    assert cfg.model.init_cfg[1].type == 'Constant'
    assert cfg.model.backbone.init_cfg == strict
    assert cfg.model.algorithm.neck.init_cfg == strict


def test_a_config_without_a_model_is_left_alone() -> None:
    load_strictly(Config({}))
