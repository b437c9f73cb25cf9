"""Study C: does CLD help NPID on long-tailed CIFAR-10 (imbalance 100)?

Run: ``python tools/study.py studies/npid_long_tail.py``. The plain arm is the same
config with λ 0: same views, passes and branches. float32, since it ran on a CPU
without bfloat16.
"""

title = 'NPID on long-tailed CIFAR-10'
_config = 'configs/cpu/npid_cld_r18w16_cifar10_lt100_4k.py'
_float32 = {'optim_wrapper.dtype': 'float32'}
_lr, _weight = 'optim_wrapper.optimizer.lr', 'model.cld.loss_weight'
_groups, _temperature = 'model.cld.grouping.num_groups', 'model.temperature'

arms = dict(
    npid=dict(config=_config, options={**_float32, _weight: 0.0}, label='NPID'),
    npid_cld=dict(config=_config, options=_float32, label='NPID + CLD'),
)
seeds = [0, 1, 2]
pairs = [('npid_cld', 'npid')]
baselines = []
tuning = dict(
    steps=700,
    trials=dict(
        npid=[{_lr: a, _temperature: b} for a in (0.03, 0.1) for b in (0.1, 0.2)],
        npid_cld=[
            {_lr: 0.03},
            {_lr: 0.1},
            {_lr: 0.1, _temperature: 0.2, _groups: 32},
            {_lr: 0.1, _groups: 16},
        ],
    ),
)
