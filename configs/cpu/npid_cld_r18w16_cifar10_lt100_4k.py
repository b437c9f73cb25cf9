"""NPID + CLD, narrow ResNet-18, long-tailed CIFAR-10 (imbalance 100), for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md), on 12,406 images. kNN and
probe use all 50,000 labeled images.
Run: ``python tools/train.py configs/cpu/npid_cld_r18w16_cifar10_lt100_4k.py``.
"""

_base_ = 'npid_cld_r18w16_cifar10_4k.py'

model = dict(num_images=12406)
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='LongTailed',
            imbalance_factor=100,
            dataset=dict(
                type='ImageArrays', data_root='data/cifar10-jpeg', split='train'
            ),
        )
    )
)
