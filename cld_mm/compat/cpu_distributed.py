"""Distributed runs, also on machines without an accelerator, over gloo.

mmengine's launcher always sets a CUDA device. Where torch.distributed is already
initialised it leaves it alone, so this does so first; on an accelerator with mmengine's
own function, so that ranks can compare notes before anything is built. Does nothing
where there is no launcher.
"""

import logging
import multiprocessing
import os
import sys
from datetime import timedelta
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.utils.dl_utils import set_multi_processing
from torch import distributed as dist


def prepare_distributed(cfg: Config) -> None:
    """Set ``cfg`` and torch.distributed up for ``cfg.launcher``.

    On any device, buffers are not broadcast: the momentum encoder's BatchNorm
    statistics are each rank's own.

    Raises:
        ValueError: a launcher other than 'pytorch' is asked for on a CPU.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none':
        return
    env_cfg = cfg.get('env_cfg') or {}
    dist_cfg = dict(env_cfg.get('dist_cfg') or {})
    wrapper = cfg.get('model_wrapper_cfg') or {}
    wrapper.setdefault('type', 'MMDistributedDataParallel')
    replicated = wrapper['type'] == 'MMDistributedDataParallel'
    if replicated:
        wrapper.setdefault('broadcast_buffers', False)
    if get_device() == 'cpu':
        if launcher == 'slurm':
            _rank_from_slurm()
        elif launcher != 'pytorch':
            raise ValueError(
                f'the launcher {launcher!r} needs a GPU: on a CPU start '
                'with tools/dist_train.sh CONFIG RANKS.'
            )
        if replicated:
            wrapper['device_ids'] = None
        if not dist.is_initialized():
            timeout = timedelta(seconds=dist_cfg.get('timeout', 1800))
            dist.init_process_group('gloo', timeout=timeout, **store_after_restart())
    else:
        if replicated:
            local = int(os.environ.get('LOCAL_RANK', 0))
            wrapper.setdefault('device_ids', [local])
        if not dist.is_initialized():
            # In the Runner's order: the way of starting workers comes first.
            set_multi_processing(**(env_cfg.get('mp_cfg') or {}), distributed=True)
            init_dist(launcher, **dist_cfg, **store_after_restart())
    cfg.model_wrapper_cfg = wrapper


def store_after_restart() -> dict[str, Any]:
    """What init_process_group needs after torchrun has started the ranks anew.

    torchrun keeps one store over all restarts (seen in torch 2.13), and in it are the
    addresses of the ranks that have died: new ranks would call those. So each start
    gets a part of the store for itself. Empty where nothing was started anew.
    """
    env = os.environ
    restart = env.get('TORCHELASTIC_RESTART_COUNT', '0')
    if restart == '0' or env.get('TORCHELASTIC_USE_AGENT_STORE') != 'True':
        return {}
    place = (env['MASTER_ADDR'], int(env['MASTER_PORT']))
    store = dist.TCPStore(*place, is_master=False, timeout=timedelta(seconds=300))
    return {
        'store': dist.PrefixStore(f'cld_mm/start_{restart}', store),
        'rank': int(env['RANK']),
        'world_size': int(env['WORLD_SIZE']),
    }


def _rank_from_slurm() -> None:
    """What torchrun would set, from Slurm's variables."""
    env = os.environ
    env.setdefault('MASTER_PORT', '29500')
    env.setdefault('MASTER_ADDR', env.get('SLURM_LAUNCH_NODE_IPADDR', '127.0.0.1'))
    env['RANK'] = env['SLURM_PROCID']
    env['LOCAL_RANK'] = env['SLURM_LOCALID']
    env['WORLD_SIZE'] = env['SLURM_NTASKS']


def leave_distributed(code: int = 0) -> None:
    """End a rank whose work is done; the process group closes with it.

    Args:
        code: exit code of a rank that ends here.

    On a CPU the process ends here: gloo's threads sometimes outlive the interpreter's
    teardown, which then aborts a rank that had finished ("terminate called without
    an active exception"). Does nothing where there are no ranks.
    """
    if not dist.is_initialized():
        return
    if get_device() != 'cpu':
        dist.destroy_process_group()
        return
    dist.barrier()  # no rank leaves while another still needs it
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    for child in multiprocessing.active_children():  # workers of the loaders
        child.terminate()
    os._exit(code)


def has_accelerator() -> bool:
    """Whether torch sees a device beside the CPU."""
    return get_device() != 'cpu' or torch.cuda.is_available()
