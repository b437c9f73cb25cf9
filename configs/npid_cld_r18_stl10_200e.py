"""NPID + CLD, ResNet-18, STL-10 ("train"), Linear head, 200 epochs.

Recipe: CIFAR's (λ 1, T_cld 0.2, K 128), at 96 pixels with global pooling; the
release pools a corner of the map and does not run on STL-10. For "train+unlabeled"
add ``--cfg-options train_dataloader.dataset.split=train+unlabeled
model.num_images=105000``.
Run: ``python tools/train.py configs/npid_cld_r18_stl10_200e.py`` (one GPU).
Expected: none published here. Not measured by this project.
"""

_base_ = [
    '_base_/cld/cifar.py',
    '_base_/models/npid_r18_cifar.py',
    '_base_/datasets/stl10_a96.py',
    '_base_/schedules/sgd_cosine_cifar_200e.py',
    '_base_/default_runtime.py',
]

model = dict(
    num_images=5000,
    data_preprocessor=dict(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)),
    cld=_base_.cld,
)
optim_wrapper = dict(type='PortableAmpOptimWrapper', dtype='float16')
