"""Study A: does CLD help NPID on CIFAR-10, at equal views, passes and tuning?

Run: ``python tools/study.py studies/npid_cifar10.py``. Both arms see two views of each
image and make the same passes, so they are compute-matched.
"""

title = 'NPID on CIFAR-10'

arms = dict(
    npid=dict(config='configs/cpu/npid_r18w16_cifar10_4k.py', label='NPID'),
    npid_cld=dict(
        config='configs/cpu/npid_cld_r18w16_cifar10_4k.py', label='NPID + CLD'
    ),
    # One pair for five times as long, with the settings that were chosen above.
    npid_long=dict(
        config='configs/cpu/npid_r18w16_cifar10_4k.py',
        steps=20000,
        seeds=[0],
        tuned_as='npid',
        label='NPID, 20,000 steps',
    ),
    npid_cld_long=dict(
        config='configs/cpu/npid_cld_r18w16_cifar10_4k.py',
        steps=20000,
        seeds=[0],
        tuned_as='npid_cld',
        label='NPID + CLD, 20,000 steps',
    ),
)
seeds = [0, 1, 2, 3, 4]
pairs = [('npid_cld', 'npid'), ('npid_cld_long', 'npid_long')]
baselines = ['pixels', 'untrained']
tuning = dict(
    steps=700,
    held_out=0.1,
    metric='knn_backbone_best',
    trials=dict(
        npid=[
            {'optim_wrapper.optimizer.lr': lr, 'model.temperature': temperature}
            for lr in (0.03, 0.1)
            for temperature in (0.1, 0.2)
        ],
        npid_cld=[
            {'optim_wrapper.optimizer.lr': 0.03},
            {'optim_wrapper.optimizer.lr': 0.1},
            {
                'optim_wrapper.optimizer.lr': 0.1,
                'model.temperature': 0.2,
                'model.cld.grouping.num_groups': 32,
            },
            {
                'optim_wrapper.optimizer.lr': 0.1,
                'model.cld.loss_weight': 0.5,
                'model.cld.grouping.num_groups': 32,
            },
        ],
    ),
)
