"""Backbones and clocks of the compared training steps."""

import time
from typing import Any

CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}
SIZES: dict[str, tuple[dict[str, Any], int]] = {
    'r18': ({'type': 'ResNet_CIFAR', 'depth': 18}, 512)
}
SIZES['r50'] = ({'type': 'ResNet', 'depth': 50}, 2048)
SIZES['vit_s'] = ({'type': 'VisionTransformer', 'arch': 'deit-s'}, 384)
