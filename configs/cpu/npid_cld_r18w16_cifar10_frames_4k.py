"""NPID + CLD, narrow ResNet-18, 500 scenes of CIFAR-10 with 100 frames each, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md), on images as highly
correlated as a video's frames. kNN and probe use all 50,000 labeled images.
Run: ``python tools/train.py configs/cpu/npid_cld_r18w16_cifar10_frames_4k.py``.
"""

_base_ = 'npid_cld_r18w16_cifar10_4k.py'

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='Frames',
            scenes=500,
            frames=100,
            dataset=dict(
                type='ImageArrays', data_root='data/cifar10-jpeg', split='train'
            ),
        )
    )
)
