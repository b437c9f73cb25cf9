"""Linear probes of a small ResNet-18 on Fashion-MNIST, eight learning rates at once.

The learning rate is chosen on 10 % of the training images, held out, and the
test images are read once, at the end.
Run: ``python tools/train.py configs/benchmarks/linear/linear_sweep_r18_fashionmnist.py
--pretrained CHECKPOINT``.
"""

_base_ = './linear_r18_fashionmnist.py'

learning_rates = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
rates = {
    f'head.classifiers.{place}.': dict(lr_mult=rate)
    for place, rate in enumerate(learning_rates)
}
model = dict(
    head=dict(
        _delete_=True,
        type='LinearSweepHead',
        num_classes=10,
        in_channels=128,
        learning_rates=learning_rates,
    )
)
optim_wrapper = dict(optimizer=dict(lr=1.0), paramwise_cfg=dict(custom_keys=rates))

train_images = {{_base_.train_dataloader.dataset}}
test_images = {{_base_.val_dataloader}}
test_pipeline = {{_base_.val_dataloader.dataset.pipeline}}
train_dataloader = dict(
    dataset=dict(_delete_=True, type='HeldOut', part='fit', dataset=train_images)
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='HeldOut',
        part='held_out',
        dataset=train_images,
        pipeline=test_pipeline,
    )
)
val_evaluator = dict(_delete_=True, type='SweepAccuracy')
test_dataloader = test_images
test_cfg = dict()
test_evaluator = dict(type='Accuracy', topk=(1, 5))
custom_hooks = [*_base_.custom_hooks, dict(type='ChooseLearningRateHook')]
