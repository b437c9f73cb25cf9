"""Pre-train, or train a probe: ``python tools/train.py CONFIG [flags]``."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import add_common_flags
from cld_mm.cli.command_line import command_line
from cld_mm.cli.run_tool import run_tool, set_amp, set_loader_defaults

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model by a config.')
    parser.add_argument('config', help='config file')
    add_common_flags(parser)
    parser.add_argument(
        '--epochs',
        type=int,
        help='epochs to train; learning rate schedules that last as long follow',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from a checkpoint, or from the newest in the work dir',
    )
    parser.add_argument(
        '--resume-settings',
        choices=['new', 'checkpoint'],
        default='new',
        help='optimizer and schedule settings of a resumed run where the config '
        "differs from the checkpoint's: the new ones (default), or the checkpoint's",
    )
    parser.add_argument(
        '--pretrained',
        metavar='CHECKPOINT',
        help='start the backbone from this checkpoint (linear probing, fine-tuning)',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate with the batch size, from the config's",
    )
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='restart the dataloader workers in each epoch',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='compile backbones and necks with torch.compile',
    )
    parser.add_argument(
        '--capture-steps',
        action='store_true',
        help='for debugging: keep what is needed to repeat a step that gives NaN',
    )
    parser.add_argument('--seed', type=int, help='seed of everything random')
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='bit-exact runs, at some cost in speed',
    )
    return parser.parse_args()


def merge(cfg: 'Config', args: argparse.Namespace) -> None:
    """Merge this tool's own flags into the config."""
    from cld_mm.engine.consistency.setup import restarted

    set_loader_defaults(cfg, args, persistent=not args.no_persistent_workers)
    set_amp(cfg, args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if restarted():
        args.resume = 'auto'
    if args.resume is not None:
        cfg.resume = True
        cfg.resume_settings = args.resume_settings
        cfg.load_from = None if args.resume == 'auto' else args.resume
        if cfg.load_from and not Path(cfg.load_from).is_file():
            raise FileNotFoundError(
                f'--resume {cfg.load_from}: there is no such checkpoint.'
            )
    set_pretrained(cfg, args.pretrained)
    if args.auto_scale_lr:
        if 'auto_scale_lr' not in cfg:
            raise ValueError(
                '--auto-scale-lr: the config has no auto_scale_lr.base_batch_size to '
                'scale from: add --cfg-options auto_scale_lr.base_batch_size=256, the '
                'batch size that its learning rate is for.'
            )
        cfg.auto_scale_lr.enable = True
    if args.compile:
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), {'type': 'CompileHook'}]
    if args.capture_steps:
        for hook in cfg.get('custom_hooks') or []:
            if hook.get('type') == 'NonFiniteLossHook':
                hook['capture_steps'] = True
    if args.seed is not None:
        cfg.merge_from_dict({'randomness.seed': args.seed})
    if args.deterministic:
        cfg.merge_from_dict({'randomness.deterministic': True})
        # Without it cuBLAS refuses to be deterministic.
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')


def _pretrained(backbone: dict) -> dict[str, Any]:
    """The backbone's settings of loading weights; upstream's loading is not strict."""
    init = backbone.get('init_cfg')
    kinds = 'Pretrained', 'StrictPretrained'
    given = init if isinstance(init, dict) and init.get('type') in kinds else {}
    return {**given, 'type': 'StrictPretrained'}


def set_pretrained(cfg: 'Config', checkpoint: str | None) -> None:
    """Start the backbone from a checkpoint; other settings of ``init_cfg`` stay.

    Raises:
        ValueError: the model has no backbone.
        FileNotFoundError: there is no such checkpoint.
    """
    owner: Any = cfg.model.get('algorithm') or cfg.model  # CrossLevel wraps another
    backbone = owner.get('backbone')
    if checkpoint is not None:
        if backbone is None:
            raise ValueError('--pretrained: the model of this config has no backbone.')
        backbone.init_cfg = {**_pretrained(backbone), 'checkpoint': checkpoint}
    init = _pretrained(backbone or {})
    if 'checkpoint' not in init:
        return
    backbone.init_cfg = init
    path = init.get('checkpoint')
    if not path or ('://' not in path and not Path(path).exists()):
        raise FileNotFoundError(
            f'the pre-trained checkpoint {path or "(none given)"} does not exist: name '
            'one with --pretrained CHECKPOINT.'
        )


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        from cld_mm.engine.preemption.signals import leave_at_once

    leave_at_once()
    validation = () if args.no_validate else ('val_dataloader', 'val_cfg')
    sections = ('train_dataloader', *validation)
    run_tool(args, lambda cfg: merge(cfg, args), sections, lambda run: run.train())


if __name__ == '__main__':
    main()
