"""The recipes that small runs try, and what they change of their configs."""

from typing import Any

PROBE = 'benchmarks/linear/linear_r18_fashionmnist'
SWEEP = 'benchmarks/linear/linear_sweep_r18_fashionmnist'
FINE_TUNE = 'benchmarks/semi/semi_10percent_r18_fashionmnist'
NO_CLD = {
    'model.cld': None,
    'model.num_queries': 2,
    'model.neck': {
        '_delete_': True,
        'type': 'MLP',
        'in_channels': 128,
        'out_channels': 64,
    },
}
# SwAV by CrossLevel, with a queue from the second epoch on and prototypes that rest for
# three iterations.
SWAV = {
    'model.algorithm.type': 'SwAV',
    'model.algorithm.neck': {
        '_delete_': True,
        'type': 'SwAVNeck',
        'in_channels': 128,
        'hid_channels': 16,
        'out_channels': 8,
        'with_avg_pool': True,
    },
    'model.algorithm.head': {
        '_delete_': True,
        'type': 'SwAVHead',
        'loss': {
            'type': 'SwAVLoss',
            'feat_dim': 8,
            'num_prototypes': 5,
            'num_crops': [2],
        },
    },
}
SWAV_HOOK = {
    'type': 'ResumableSwAVHook',
    'priority': 'VERY_HIGH',
    'epoch_queue_starts': 1,
    'feat_dim': 8,
    'queue_length': 13,
    'frozen_layers_cfg': {'prototypes': 3},
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    'npid': ('npid_r18_fashionmnist_10e', {}),
    'npid_cld': ('npid_cld_r18_fashionmnist_10e', {}),
    'npid_nce': ('npid_r18_fashionmnist_10e', {'model.num_negatives': 6}),
    'npid_nce_cld': ('npid_cld_r18_fashionmnist_10e', {'model.num_negatives': 6}),
    'npid_sharded': ('npid_r18_fashionmnist_10e', {'model.bank_sharded': True}),
    'npid_sharded_cld': (
        'npid_cld_r18_fashionmnist_10e',
        {'model.bank_sharded': True},
    ),
    'moco': ('mocov2_r18_fashionmnist_10e', {}),
    'moco_cld': ('mocov2_cld_r18_fashionmnist_10e', {}),
    'infomin': ('infomin_cld_r18_fashionmnist_10e', NO_CLD),
    'infomin_cld': ('infomin_cld_r18_fashionmnist_10e', {}),
    'byol': ('byol_r18_fashionmnist_10e', {}),
    'byol_cld': ('byol_cld_r18_fashionmnist_10e', {}),
    'simclr_cld': ('simclr_cld_r18_fashionmnist_10e', {}),
    'swav_cld': ('simclr_cld_r18_fashionmnist_10e', SWAV),
    'linear': (PROBE, {}),
    'linear_sweep': (SWEEP, {}),
    'fine_tune': (FINE_TUNE, {}),
}
