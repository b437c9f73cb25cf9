"""BufferedRuntimeInfoHook logs what mmengine's hook logs."""

from pathlib import Path
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from cld_mm.engine.build import build_runner
from cld_mm.engine.hooks.non_finite_loss import NonFiniteLossHook
from tools.stress import small_configs


def train(digits: Path, folder: Path, **changes: Any) -> Any:
    cfg = small_configs.config(
        'moco_cld',
        folder,
        digits,
        train_dataloader__batch_size=2,  # 12 iterations an epoch
        epochs=2,
        train_cfg__val_begin=9,
        **changes,
    )
    cfg.experiment_name = folder.name
    runner = build_runner(cfg)
    runner.train()
    return runner


@pytest.mark.slow
@pytest.mark.parametrize('interval', [1, 4, 100])
def test_logged_values_are_those_of_mmengine(
    interval: int, digits: Path, tmp_path: Path
) -> None:
    settings = {
        'default_hooks__logger__interval': interval,
        'visualizer__vis_backends': [{'type': 'LocalVisBackend'}],
    }
    plain = {'default_hooks__runtime_info__type': 'RuntimeInfoHook'}
    ours = train(digits, tmp_path / 'ours', **settings)
    theirs = train(digits, tmp_path / 'theirs', **settings, **plain)
    one, two = (
        {
            name: history.data[0].tolist()
            for name, history in runner.message_hub.log_scalars.items()
            if 'loss' in name or 'lr' in name
        }
        for runner in (ours, theirs)
    )
    assert one == two
    assert len(one['train/loss']) == 24
    losses = []
    for name in ('ours', 'theirs'):
        (log,) = (tmp_path / name).glob('*/vis_data/scalars.json')
        lines = [line for line in log.read_text().splitlines() if '"loss"' in line]
        losses.append([line.split('"loss"')[1][:20] for line in lines])
    assert losses[0] == losses[1]


class Watch(TorchDispatchMode):
    """Counts reads of a value by the host."""

    reads = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        self.reads += func.__name__.split('.')[0] in ('_local_scalar_dense', 'nonzero')
        return func(*args, **(kwargs or {}))


@pytest.mark.slow
def test_hooks_read_no_value_in_most_iterations(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NonFiniteLossHook, '_reads_late', staticmethod(lambda _: True))
    cfg = small_configs.config(
        'moco_cld', tmp_path, digits, train_dataloader__batch_size=6, epochs=6
    )
    cfg.default_hooks.checkpoint.update(every_iters=0, interval=-1)
    for hook in cfg.custom_hooks:
        if hook.type == 'CollapseHook':
            hook.interval = 100  # as in a run of some length
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    cfg.experiment_name = tmp_path.name
    runner = build_runner(cfg)
    reads = []
    plain = runner.call_hook

    def watched(name: str, **kwargs: Any) -> None:
        with Watch() as watch:
            plain(name, **kwargs)
        if name.endswith('train_iter'):
            reads.append((runner.iter, watch.reads))

    monkeypatch.setattr(runner, 'call_hook', watched)
    runner.train()
    assert len(reads) == 48
    quiet = [n for it, n in reads if it % 4 != 3 and (it + 1) % 10]
    assert len(quiet) > 20
    assert not any(quiet), reads
