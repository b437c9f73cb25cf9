"""Parameters and FLOP of a config's model: ``get_flops.py CONFIG --size 224``.

mmengine counts the FLOP of the backbone's forward pass of one image (a multiply-add is
one, as in papers); parameters are listed by part.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.command_line import command_line


def main() -> None:
    parser = argparse.ArgumentParser(description='Count parameters and FLOP.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--size', type=int, default=224, help='image size in pixels')
    parser.add_argument('--channels', type=int, help='channels of the image')
    parser.add_argument(
        '--out', help='JSON file; default: work_dirs/<config>/get_flops_<size>.json'
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        import torch
        from mmengine.analysis import get_model_complexity_info
        from mmengine.config import Config

        from cld_mm.cli.results_json import write_results
        from cld_mm.registry import MODELS, enter_scope

        if args.size < 1:
            raise ValueError(f'--size must be at least 1, got {args.size}.')
        cfg = Config.fromfile(args.config)
        enter_scope(cfg.get('default_scope'))
        model = MODELS.build(cfg.model)
        backbone = model.backbone
        backbone.eval()
        first = next(p for p in backbone.parameters() if p.ndim == 4)
        channels = args.channels or first.shape[1]
        with torch.no_grad():
            counts = get_model_complexity_info(
                backbone,
                (channels, args.size, args.size),
                show_table=False,
                show_arch=False,
            )
        parts = {
            name: sum(p.numel() for p in part.parameters())
            for name, part in model.named_children()
        }
        parts = {name: number for name, number in parts.items() if number}
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        print(f'image {channels}x{args.size}x{args.size}')
        print(f'backbone, forward {counts["flops"] / 1e9:12.4f} GFLOP')
        for name, number in parts.items():
            print(f'{name:18s}{number:12,d} parameters')
        print(f'{"trained":18s}{trained:12,d} parameters')
        found = {'backbone_flop': counts['flops'], 'parameters': parts}
        found |= {'trained': trained, 'image': [channels, args.size, args.size]}
        folder = cfg.get('work_dir') or Path('work_dirs') / Path(args.config).stem
        write_results(found, args.out, folder, 'get_flops', str(args.size))


if __name__ == '__main__':
    main()
