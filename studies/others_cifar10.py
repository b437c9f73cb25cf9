"""Study D: does CLD help BYOL, SimCLR and InfoMin on CIFAR-10?

Run: ``python tools/study.py studies/others_cifar10.py``. Each plain arm is the
config of its CLD arm with λ 0: same views, passes and branches.
"""

title = 'BYOL, SimCLR and InfoMin on CIFAR-10'
_lr, _weight = 'optim_wrapper.optimizer.lr', 'model.cld.loss_weight'
_groups = 'model.cld.grouping.num_groups'
_names = dict(byol='BYOL', simclr='SimCLR', infomin='InfoMin')
_without = [{_lr: rate} for rate in (0.01, 0.03, 0.1, 0.3)]
_with_cld = [{_lr: 0.03}, {_lr: 0.1}, {_lr: 0.1, _weight: 1.0}, {_lr: 0.1, _groups: 32}]

arms = {}
pairs = []
_trials = {}
for _name, _label in _names.items():
    _config = f'configs/cpu/{_name}_cld_r18w16_cifar10_4k.py'
    arms[_name] = dict(config=_config, options={_weight: 0.0}, label=_label)
    arms[f'{_name}_cld'] = dict(config=_config, label=f'{_label} + CLD')
    pairs.append((f'{_name}_cld', _name))
    _trials[_name], _trials[f'{_name}_cld'] = _without, _with_cld
seeds = [0, 1, 2]
baselines = []
tuning = dict(steps=700, trials=_trials)
