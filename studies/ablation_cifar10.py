"""Study E: how NPID + CLD depends on K, λ, head, grouping and empty groups.

Run: ``python tools/study.py studies/ablation_cifar10.py``. One seed each, the learning
rate of the recipe; every arm differs from 'reference' in one setting.
"""

title = 'Ablation of NPID + CLD on CIFAR-10'
_config = 'configs/cpu/npid_cld_r18w16_cifar10_4k.py'
_lr = {'optim_wrapper.optimizer.lr': 0.1}

arms = dict(
    reference=dict(config=_config, options=_lr, label='K 64, λ 1, linear, k-means'),
    k16=dict(config=_config, options={**_lr, 'model.cld.grouping.num_groups': 16}),
    k128=dict(config=_config, options={**_lr, 'model.cld.grouping.num_groups': 128}),
    weight025=dict(config=_config, options={**_lr, 'model.cld.loss_weight': 0.25}),
    weight4=dict(config=_config, options={**_lr, 'model.cld.loss_weight': 4.0}),
    norm_linear=dict(
        config=_config, options={**_lr, 'model.neck.projection': 'NormLinearNeck'}
    ),
    cuts=dict(
        config=_config,
        options={
            **_lr,
            'model.cld.grouping': dict(
                _delete_=True, type='NormalizedCutsGrouping', num_groups=64
            ),
        },
    ),
    mask_empty=dict(config=_config, options={**_lr, 'model.cld.empty_groups': 'mask'}),
)
seeds = [0]
pairs = [(name, 'reference') for name in arms if name != 'reference']
baselines = []
