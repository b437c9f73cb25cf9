"""CLD of the ImageNet recipes: λ 0.25, K 120, 5 iterations of k-means, T 0.4."""

cld = dict(
    type='CLDHead',
    loss_weight=0.25,
    gather=False,
    grouping=dict(type='KMeansGrouping', num_groups=120, num_iters=5),
    loss=dict(type='CLDLoss', temperature=0.4, empty_groups='keep'),
)
