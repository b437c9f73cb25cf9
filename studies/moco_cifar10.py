"""Study B: does CLD help MoCo on CIFAR-10? One query, two queries, and CLD.

Run: ``python tools/study.py studies/moco_cifar10.py``. Two queries and CLD make
the same passes; one query trains longer instead, to the same number of passes.
float32, since it ran on a CPU without bfloat16.
"""

title = 'MoCo on CIFAR-10'
_lr = 'optim_wrapper.optimizer.lr'
_temperature = 'model.head.temperature'
_float32 = {'optim_wrapper.dtype': 'float32'}
_plain = [{_lr: a, _temperature: b} for a in (0.03, 0.1) for b in (0.1, 0.2)]

arms = dict(
    moco=dict(
        config='configs/cpu/moco_r18w16_cifar10_4k.py',
        options=_float32,
        steps=7000,
        label='MoCo, one query',
    ),
    moco_2q=dict(
        config='configs/cpu/moco_2q_r18w16_cifar10_4k.py',
        options=_float32,
        label='MoCo, two queries',
    ),
    moco_cld=dict(
        config='configs/cpu/moco_cld_r18w16_cifar10_4k.py',
        options=_float32,
        label='MoCo + CLD',
    ),
)
seeds = [0, 1, 2, 3, 4]
pairs = [('moco_cld', 'moco_2q'), ('moco_cld', 'moco'), ('moco_2q', 'moco')]
baselines = []
tuning = dict(
    steps=700,
    trials=dict(
        moco=_plain,
        moco_2q=_plain,
        moco_cld=[
            {_lr: 0.03},
            {_lr: 0.1},
            {_lr: 0.1, _temperature: 0.2, 'model.cld.loss_weight': 1.0},
            {_lr: 0.1, 'model.cld.loss_weight': 1.0},
        ],
    ),
)
