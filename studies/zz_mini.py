"""t"""

arms = dict(
    npid=dict(config='configs/cpu/npid_r18w16_cifar10_4k.py', steps=20),
    npid_cld=dict(config='configs/cpu/npid_cld_r18w16_cifar10_4k.py', steps=20),
)
seeds = [0]
pairs = [('npid_cld', 'npid')]
tuning = dict(
    steps=8,
    trials=dict(
        npid=[{'optim_wrapper.optimizer.lr': lr} for lr in (0.03, 0.1)],
        npid_cld=[{'optim_wrapper.optimizer.lr': lr} for lr in (0.03, 0.1)],
    ),
)
