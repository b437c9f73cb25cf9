"""A step that is not finite stops before the weights change, and can be repeated."""

import json

import pytest
import torch
from mmengine.config import Config
from test_configs import ROOT

from cld_mm.apis.launch import build_runner
from cld_mm.apis.replay import replay


@pytest.mark.parametrize('kind', ['npid_cld', 'mocov2_cld'])
def test_a_nan_is_kept_and_repeated(kind, digits, tmp_path):
    cfg = Config.fromfile(ROOT / f'configs/{kind}_r18_fashionmnist_10e.py')
    data = {'data_root': str(digits), 'indices': 24}
    cfg.merge_from_dict(
        {
            'train_dataloader.dataset': data,
            'train_dataloader.batch_size': 8,
            'model.backbone.base_channels': 4,
            'model.backbone.stem_channels': 4,
            'model.neck.in_channels': 32,
            'work_dir': str(tmp_path),
            'launcher': 'none',
            **({'model.num_images': 24} if 'npid' in kind else {'model.queue_len': 32}),
        }
    )
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        cfg[key] = None
    for key in ('test_cfg', 'test_dataloader', 'test_evaluator'):
        cfg[key] = None
    cfg.experiment_name = f'non-finite-{kind}'
    runner = build_runner(cfg)

    def spoil(module, inputs):
        if runner.iter == 2:
            inputs[0].data[0, 0, 0, 0] = float('nan')

    runner.model.backbone.layer2.register_forward_pre_hook(spoil)
    with pytest.raises(FloatingPointError, match=r'iteration 3 .* images image \d+'):
        runner.train()
    assert all(p.isfinite().all() for p in runner.model.parameters())
    folder = tmp_path / 'non_finite/iter_3'
    assert len(json.loads((folder / 'rank_0.json').read_text())['images']) == 8
    dump = torch.load(folder / 'rank_0.pth', weights_only=True)
    weights = runner.model.state_dict()
    assert all(
        torch.equal(value, weights[name])
        for name, value in dump['model'].items()
        if name.endswith('weight')
    )
    # The spoiling hook is not in the dump: the same step without it is finite.
    (result,) = replay(folder)['ranks']
    assert result['first_non_finite'] is None
    assert not result['reproduces']
    # A weight that is not finite is: it reproduces, and is named.
    dump['model']['backbone.layer2.0.conv1.weight'][0, 0, 0, 0] = float('nan')
    torch.save(dump, folder / 'rank_0.pth')
    (result,) = replay(folder)['ranks']
    assert result['reproduces']
    assert result['first_non_finite']['where'] == 'backbone.layer2.0.conv1.weight'
