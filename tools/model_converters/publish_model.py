"""Publish a model: ``python tools/model_converters/publish_model.py CHECKPOINT NAME``.

Keeps the backbone and the config that builds it, drops optimizer, memories and states,
and writes ``FOLDER/NAME-<first 8 digits of the SHA-256>.pth`` and its line of
``FOLDER/index.json``, by which ``init_model(NAME)`` finds and checks it.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Publish the backbone of a model.')
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('name', help="such as 'npid-cld-r18-cifar10-small'")
    parser.add_argument(
        '--folder', type=Path, default=Path('releases'), help='of released models'
    )
    parser.add_argument('--half', action='store_true', help='weights in float16')
    parser.add_argument(
        '--result', type=Path, help="JSON file of the run's accuracy, from a study"
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import torch
from mmengine.config import Config

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.converters.source_backbone import load_source
from cld_mm.fileio.atomic_write import open_atomically, write_text
from cld_mm.fileio.digests import sha256_of
from cld_mm.fileio.releases import release_index


def publish(args: argparse.Namespace) -> Path:
    """Write the file and its line of the index; returns the file."""
    source = load_source(args.checkpoint)
    dtype = torch.float16 if args.half else torch.float32
    weights = {
        f'backbone.{key}': value.to(dtype) if value.is_floating_point() else value
        for key, value in source.module.state_dict().items()
    }
    cfg = Config({'model': source.run_config['model']})
    cfg.model.backbone.pop('init_cfg', None)
    args.folder.mkdir(parents=True, exist_ok=True)
    part = args.folder / f'{args.name}.pth'
    with open_atomically(part) as file:
        torch.save({'meta': {'cfg': cfg.pretty_text}, 'state_dict': weights}, file)
    digest = sha256_of(part)
    path = args.folder / f'{args.name}-{digest[:8]}.pth'
    os.replace(part, path)
    entry = {'file': path.name, 'sha256': digest, 'backbone': dict(source.config)}
    if args.result:
        result = json.loads(args.result.read_text())
        entry.update({key: result[key] for key in ('config', 'seed', 'steps')})
        entry['measures'] = {
            key: value
            for key, value in result['measures'].items()
            if isinstance(value, int | float)
        }
    index = {**release_index(str(args.folder)), args.name: entry}
    write_text(args.folder / 'index.json', json.dumps(index, indent=2) + '\n')
    return path


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        path = publish(args)
        print(f'{path}: {path.stat().st_size / 1e3:,.0f} kB; init_model({args.name!r})')


if __name__ == '__main__':
    main()
