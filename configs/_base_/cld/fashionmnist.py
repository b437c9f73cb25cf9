"""CLD for Fashion-MNIST with 64 images per batch: λ 0.5, K 32, T 0.2."""

cld = dict(
    type='CLDHead',
    loss_weight=0.5,
    grouping=dict(type='KMeansGrouping', num_groups=32, num_iters=5),
    loss=dict(type='CLDLoss', temperature=0.2),
)
