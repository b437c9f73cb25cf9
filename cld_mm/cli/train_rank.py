"""One rank of ``cldmm pretrain --devices N``; torchrun starts it."""

import argparse


def main() -> None:
    """Train by a resolved config."""
    parser = argparse.ArgumentParser(description='Train one rank of several.')
    parser.add_argument('config', help='resolved config')
    parser.add_argument('--resume', action='store_true')
    args = parser.parse_args()

    import cld_mm.registry  # noqa: F401, I001
    from mmengine.config import Config

    from cld_mm.apis.run_config import train

    from .command_line import command_line

    with command_line() as run:
        cfg = run.cfg = Config.fromfile(args.config)
        cfg.launcher = 'pytorch'
        cfg.resume = args.resume
        train(cfg)


if __name__ == '__main__':
    main()
