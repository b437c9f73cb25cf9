"""NPID + CLD, ResNet-18, long-tailed CIFAR-10 (imbalance 100), 200 epochs.

Recipe: npid_cld_r18_cifar10_200e.py on 12,406 images, 5,000 of the first class and 50
of the last.
Run: ``python tools/train.py configs/npid_cld_r18_cifar10_lt100_200e.py`` (one GPU).
Expected: none published here. Not measured by this project.
"""

_base_ = 'npid_cld_r18_cifar10_200e.py'

model = dict(num_images=12406)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='LongTailed',
        imbalance_factor=100,
        dataset=_base_.train_dataloader.dataset,
    )
)
