"""``cldmm export``: the trained backbone for another library, verified."""

import argparse
from pathlib import Path

HELP = 'write the trained backbone for timm, torchvision, Hugging Face, ONNX, ...'
FORMS = (
    'timm',
    'torchvision',
    'mmpretrain',
    'mmdet',
    'safetensors',
    'huggingface',
    'onnx',
    'torch-export',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        'checkpoint', type=Path, help='checkpoint, or the output folder of a run'
    )
    parser.add_argument('out', type=Path, help='file to write; huggingface: a folder')
    parser.add_argument('--to', choices=FORMS, default='timm', help='library or form')
    parser.add_argument(
        '--config', type=Path, help="the run's config, if the checkpoint lacks it"
    )


def run(args: argparse.Namespace) -> None:
    """Export, and say how the file is loaded."""
    from cld_mm.apis.runs import find_checkpoint
    from cld_mm.converters.export_backbone import export_backbone

    config = None
    if args.config is not None:
        from mmengine.config import Config

        if not args.config.is_file():
            raise FileNotFoundError(f'the config {args.config} does not exist.')
        config = Config.fromfile(args.config).to_dict()
    checkpoint = find_checkpoint(args.checkpoint)
    done = export_backbone(checkpoint, args.out, args.to, config)
    print(
        f'{done.path}: {done.num_tensors} tensors for {args.to}. Verified: it loads '
        'strictly and gives the same features of random images (largest relative '
        f'difference {done.difference:.1g}).\nLoad it with:\n{done.code}'
    )
