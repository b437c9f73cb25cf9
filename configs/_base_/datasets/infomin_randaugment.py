"""RandAugment(2, 10) as InfoMin's release has it.

It is not mmpretrain's 'timm_increasing': at magnitude 10 images are posterized to 3 or
4 bits, hardly solarized, enhanced by 1.9 (never weakened), and moved bilinearly.
"""

_enhance = dict(magnitude_range=(-0.9, 0.9), random_negative_prob=0)
_translate = dict(type='Translate', magnitude_range=(0, 0.45), interpolation='bilinear')

randaugment = dict(
    type='RandAugment',
    policies=[
        dict(type='AutoContrast'),
        dict(type='Equalize'),
        dict(type='Invert'),
        dict(type='Rotate', magnitude_range=(0, 30), interpolation='bilinear'),
        dict(type='Posterize', magnitude_range=(-0.99, 3.01)),
        dict(type='Solarize', magnitude_range=(0, 256)),
        dict(type='SolarizeAdd', magnitude_range=(0, 110)),
        dict(type='ColorTransform', **_enhance),
        dict(type='Contrast', **_enhance),
        dict(type='Brightness', **_enhance),
        dict(type='Sharpness', **_enhance),
        dict(type='Shear', magnitude_range=(0, 0.3), direction='horizontal'),
        dict(type='Shear', magnitude_range=(0, 0.3), direction='vertical'),
        dict(direction='horizontal', **_translate),
        dict(direction='vertical', **_translate),
    ],
    num_policies=2,
    magnitude_level=10,
    magnitude_std=0.5,
    total_level=10,
    hparams=dict(pad_val=(104, 116, 124)),  # ImageNet's mean color, BGR
)
