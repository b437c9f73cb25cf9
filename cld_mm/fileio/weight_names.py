"""Names of weights in other projects' checkpoints, as one common name each.

ResNets go by torchvision's names, Vision Transformers by timm's. So checkpoints of
torchvision, timm, Hugging Face, MoCo, DINO, MAE, mmselfsup, mmpretrain, solo-learn and
lightly are read without saying whose they are; prefixes are found by the first weight.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

# Where checkpoints keep their weights; DINO's teacher is what its authors evaluate.
CONTAINERS = ('state_dict', 'teacher', 'model', 'model_state_dict', 'student', 'net')
# Online encoders before their momentum copies.
PREFERRED = (
    'backbone.',
    'algorithm.backbone.',
    'module.backbone.',
    'encoder_q.',
    'module.encoder_q.',
    'base_encoder.',
    'module.base_encoder.',
    'student_backbone.',
    'online_network.',
    '',
)

_VIT = [
    # mmpretrain
    (r'^patch_embed\.projection\.', 'patch_embed.proj.'),
    (r'^layers\.(\d+)\.ln(\d)\.', r'blocks.\1.norm\2.'),
    (r'^layers\.(\d+)\.attn\.gamma1\.weight$', r'blocks.\1.ls1.gamma'),
    (r'^layers\.(\d+)\.ffn\.gamma2\.weight$', r'blocks.\1.ls2.gamma'),
    (r'^layers\.(\d+)\.ffn\.layers\.0\.0\.', r'blocks.\1.mlp.fc1.'),
    (r'^layers\.(\d+)\.ffn\.layers\.1\.', r'blocks.\1.mlp.fc2.'),
    (r'^layers\.(\d+)\.attn\.(qkv|proj)\.', r'blocks.\1.attn.\2.'),
    (r'^ln1\.', 'norm.'),
    (r'^pre_norm\.', 'norm_pre.'),
    # torchvision
    (r'^class_token$', 'cls_token'),
    (r'^conv_proj\.', 'patch_embed.proj.'),
    (r'^encoder\.pos_embedding$', 'pos_embed'),
    (r'^encoder\.layers\.encoder_layer_(\d+)\.ln_(\d)\.', r'blocks.\1.norm\2.'),
    (
        r'^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_',
        r'blocks.\1.attn.qkv.',
    ),
    (
        r'^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.',
        r'blocks.\1.attn.proj.',
    ),
    (
        r'^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(0|linear_1)\.',
        r'blocks.\1.mlp.fc1.',
    ),
    (
        r'^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(3|linear_2)\.',
        r'blocks.\1.mlp.fc2.',
    ),
    (r'^encoder\.ln\.', 'norm.'),
    # transformers; query, key and value are joined first
    (r'^embeddings\.cls_token$', 'cls_token'),
    (r'^embeddings\.position_embeddings$', 'pos_embed'),
    (r'^embeddings\.patch_embeddings\.projection\.', 'patch_embed.proj.'),
    (r'^encoder\.layer\.(\d+)\.attention\.attention\.qkv\.', r'blocks.\1.attn.qkv.'),
    (r'^encoder\.layer\.(\d+)\.attention\.output\.dense\.', r'blocks.\1.attn.proj.'),
    (r'^encoder\.layer\.(\d+)\.layernorm_before\.', r'blocks.\1.norm1.'),
    (r'^encoder\.layer\.(\d+)\.layernorm_after\.', r'blocks.\1.norm2.'),
    (r'^encoder\.layer\.(\d+)\.norm(\d)\.', r'blocks.\1.norm\2.'),
    (r'^encoder\.layer\.(\d+)\.layer_scale(\d)\.lambda1$', r'blocks.\1.ls\2.gamma'),
    (r'^encoder\.layer\.(\d+)\.intermediate\.dense\.', r'blocks.\1.mlp.fc1.'),
    (r'^encoder\.layer\.(\d+)\.output\.dense\.', r'blocks.\1.mlp.fc2.'),
    (r'^encoder\.layer\.(\d+)\.mlp\.fc(\d)\.', r'blocks.\1.mlp.fc\2.'),
    (r'^layernorm\.', 'norm.'),
]
_STAGE = r'^encoder\.stages\.(\d+)\.layers\.(\d+)\.'
_RULES = [(re.compile(pattern), name) for pattern, name in _VIT]
# lightly takes a torchvision ResNet apart: nn.Sequential(*model.children()).
_SEQUENTIAL = {'0': 'conv1', '1': 'bn1'} | {
    str(i + 3): f'layer{i}' for i in range(1, 5)
}


def unpack(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a checkpoint, wherever it keeps them."""
    for name in CONTAINERS:
        inside = checkpoint.get(name)
        if isinstance(inside, Mapping) and _tensors(inside):
            return unpack(inside)
    return _tensors(checkpoint)


def _tensors(values: Mapping[str, Any]) -> dict[str, Tensor]:
    found = {k: v for k, v in values.items() if isinstance(v, Tensor)}
    nested = any(isinstance(values.get(n), Mapping) for n in CONTAINERS)
    return found or ({'': torch.empty(0)} if nested else {})


def common_name(key: str) -> str:
    """The common name of a weight of a ResNet or Vision Transformer, without prefix."""
    for pattern, name in _RULES:
        if pattern.search(key):
            return pattern.sub(name, key)
    block = re.match(_STAGE + r'layer\.(\d)\.(convolution|normalization)\.', key)
    if block:  # transformers' ResNet
        kind = 'conv' if block[4] == 'convolution' else 'bn'
        rest = key[block.end() :]
        return f'layer{int(block[1]) + 1}.{block[2]}.{kind}{int(block[3]) + 1}.{rest}'
    shortcut = re.match(_STAGE + r'shortcut\.(convolution|normalization)\.', key)
    if shortcut:
        place = int(shortcut[3] == 'normalization')
        rest = key[shortcut.end() :]
        return f'layer{int(shortcut[1]) + 1}.{shortcut[2]}.downsample.{place}.{rest}'
    key = re.sub(r'^embedder\.embedder\.convolution\.', 'conv1.', key)
    return re.sub(r'^embedder\.embedder\.normalization\.', 'bn1.', key)


def common_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights without prefix by their common names."""
    weights = _joined_attention(weights)
    if any(key.startswith('4.0.conv1.') for key in weights):
        parts = (key.partition('.') for key in weights)
        names = [_SEQUENTIAL.get(head, head) + dot + rest for head, dot, rest in parts]
        weights = dict(zip(names, weights.values(), strict=True))
    return {common_name(key): value for key, value in weights.items()}


def _joined_attention(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Query, key and value of transformers as one qkv, as everybody else has them."""
    joined = dict(weights)
    for key in weights:
        found = re.match(r'(.*\.attention\.attention\.)query\.(weight|bias)$', key)
        if found:
            names = [f'{found[1]}{n}.{found[2]}' for n in ('query', 'key', 'value')]
            if all(name in joined for name in names):
                parts = [joined.pop(name) for name in names]
                joined[f'{found[1]}qkv.{found[2]}'] = torch.cat(parts)
    return joined


def prefixes(keys: Iterable[str], target: Iterable[str]) -> list[str]:
    """What the weights of a module may begin with, the likeliest first.

    Args:
        keys: of a checkpoint.
        target: common names of the module's weights.
    """
    wanted = set(target)
    found: dict[str, None] = {}
    for key in keys:
        parts = key.split('.')
        for cut in range(min(len(parts), 6)):
            rest = '.'.join(parts[cut:])
            if common_name(rest) in wanted or _sequential(rest) in wanted:
                found['.'.join(parts[:cut]) + '.' * bool(cut)] = None
    order = {prefix: place for place, prefix in enumerate(PREFERRED)}
    copies = ('momentum', 'teacher', 'encoder_k', 'ema', 'target')
    return sorted(
        found,
        key=lambda p: (
            order.get(p, len(order)),
            any(c in p for c in copies),
            len(p),
        ),
    )


def _sequential(key: str) -> str:
    head, dot, rest = key.partition('.')
    return _SEQUENTIAL.get(head, head) + dot + rest
