"""Start distributed runs, also over gloo on machines without an accelerator.

mmengine's launcher always sets a CUDA device, unless torch.distributed is initialized
already. So this initializes it first, which also lets ranks compare their setup before
anything is built. Does nothing without a launcher.
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

_meetings = 0  # of this process


def prepare_distributed(cfg: Config) -> None:
    """Set ``cfg`` and torch.distributed up for ``cfg.launcher``.

    Buffers are not broadcast: BatchNorm statistics of the momentum encoder differ
    between ranks.

    Raises:
        ValueError: a launcher other than 'pytorch' is asked for on a CPU.
        RankAbsent: a rank does not come within ``env_cfg.dist_cfg.timeout`` seconds,
            1800 by default.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none':
        return
    env_cfg = cfg.get('env_cfg') or {}
    dist_cfg = dict(env_cfg.get('dist_cfg') or {})
    timeout = float(dist_cfg.get('timeout', 1800))
    wrapper = cfg.get('model_wrapper_cfg') or {}
    wrapper.setdefault('type', 'MMDistributedDataParallel')
    replicated = wrapper['type'] == 'MMDistributedDataParallel'
    if replicated:
        wrapper.setdefault('broadcast_buffers', False)
        if 'find_unused_parameters' in cfg:  # read by mmengine without a wrapper only
            wrapper['find_unused_parameters'] = cfg.find_unused_parameters
    if get_device() == 'cpu':
        if launcher == 'slurm':
            _rank_from_slurm()
        elif launcher != 'pytorch':
            raise ValueError(
                f'the launcher {launcher!r} needs a GPU; on a CPU use '
                'tools/dist_train.sh CONFIG RANKS.'
            )
        if replicated:
            wrapper['device_ids'] = None
        if not dist.is_initialized():
            dist.init_process_group(
                'gloo', timeout=timedelta(seconds=timeout), **meet(timeout)
            )
    else:
        if replicated:
            local = int(os.environ.get('LOCAL_RANK', 0))
            wrapper.setdefault('device_ids', [local])
        if not dist.is_initialized():
            # In the Runner's order: the way of starting workers comes first.
            set_multi_processing(**(env_cfg.get('mp_cfg') or {}), distributed=True)
            met = meet(timeout) if launcher == 'pytorch' else {}
            init_dist(launcher, **dist_cfg, **met)
    cfg.model_wrapper_cfg = wrapper


class RankAbsent(RuntimeError):
    """A rank did not start in time; the message names it."""


def meet(timeout: float) -> dict[str, Any]:
    """Wait for all ranks, and return the arguments of init_process_group.

    torch does not name absent ranks. And torchrun keeps one store over all restarts
    (seen in torch 2.13) with the addresses of dead ranks, which new ranks would call;
    so each start uses its own part of the store.

    Args:
        timeout: seconds to wait.

    Raises:
        RankAbsent: some did not come.
    """
    global _meetings
    _meetings += 1
    env = os.environ
    rank, ranks = int(env['RANK']), int(env['WORLD_SIZE'])
    host, port = env['MASTER_ADDR'], int(env['MASTER_PORT'])
    by_launcher = env.get('TORCHELASTIC_USE_AGENT_STORE') == 'True'
    restart = env.get('TORCHELASTIC_RESTART_COUNT', '0') if by_launcher else '0'
    limit = timedelta(seconds=timeout)
    advice = (
        'see its log, or raise env_cfg.dist_cfg.timeout where starting takes longer.'
    )
    try:
        store = dist.TCPStore(
            host,
            port,
            is_master=rank == 0 and not by_launcher,
            timeout=limit,
            wait_for_workers=False,
            multi_tenant=True,
        )
    except dist.DistError as error:
        if rank == 0 and not by_launcher:  # no rank is waited for: the port is in use
            raise
        keeper = 'the launcher' if by_launcher else 'rank 0'
        raise RankAbsent(
            f'{keeper}, which keeps the store at {host}:{port}, has not come within '
            f'{timeout:g} s: {advice}'
        ) from error
    part = dist.PrefixStore(f'cld_mm/start_{restart}_{_meetings}', store)
    part.set(f'here/{rank}', '')
    places = {other: f'here/{other}' for other in range(ranks)}
    try:
        part.wait(list(places.values()), limit)
    except dist.DistStoreError as error:
        absent = [str(r) for r, place in places.items() if not part.check([place])]
        raise RankAbsent(
            f'rank {", ".join(absent)} of {ranks} has not come within {timeout:g} s: '
            f'{advice}'
        ) from error
    return {'store': part, 'rank': rank, 'world_size': ranks}


def _rank_from_slurm() -> None:
    """Set what torchrun would set, from Slurm's variables."""
    env = os.environ
    env.setdefault('MASTER_PORT', '29500')
    env.setdefault('MASTER_ADDR', env.get('SLURM_LAUNCH_NODE_IPADDR', '127.0.0.1'))
    env['RANK'] = env['SLURM_PROCID']
    env['LOCAL_RANK'] = env['SLURM_LOCALID']
    env['WORLD_SIZE'] = env['SLURM_NTASKS']


def leave_distributed(code: int = 0) -> None:
    """Close the process group of a rank whose work is done.

    On a CPU the process ends here: gloo's threads sometimes outlive the interpreter,
    which then aborts ("terminate called without an active exception"). Does nothing
    without ranks.

    Args:
        code: exit code of a process that ends here.
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
    """Whether torch has a device beside the CPU."""
    return get_device() != 'cpu' or torch.cuda.is_available()
