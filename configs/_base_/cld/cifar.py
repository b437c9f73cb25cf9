"""CLD of the CIFAR recipes with NPID: λ 1, K 128, 5 iterations of k-means, T 0.2."""

cld = dict(
    type='CLDHead',
    loss_weight=1.0,
    grouping=dict(type='KMeansGrouping', num_groups=128, num_iters=5),
    loss=dict(type='CLDLoss', temperature=0.2),
)
