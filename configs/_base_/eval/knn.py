"""kNN evaluation, k 200 and T 0.1: datasets add the images."""

_frozen = dict(
    batch_size=512,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='SeededSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
val_dataloader = _frozen
test_dataloader = _frozen
val_cfg = dict(type='KNNLoop', train_dataloader=_frozen, k=200, temperature=0.1)
test_cfg = dict(**val_cfg, stage='test')
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
