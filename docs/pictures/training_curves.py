"""Draw training-curves.png: signals without labels of three runs, one of them healthy.

Run: ``python docs/pictures/training_curves.py WORK_DIR`` (about 20 minutes on a core).
It trains MoCo + CLD on a fifth of CIFAR-10's images three times, and writes
``results/training_curves.json`` and the picture.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from cld_mm.fileio.training_logs import scalar_logs

ROOT = Path(__file__).resolve().parents[2]
CONFIG = 'configs/cpu/moco_cld_r18w16_cifar10_4k.py'
LR = 'optim_wrapper.optimizer.lr'
# Iterations, how often the signals are measured, and other settings.
RUNS = {
    'healthy': (1560, 78, {}),
    'too short': (156, 26, {}),
    'collapsed': (312, 26, {LR: 10.0}),
}
SIGNALS = {
    'view_agreement': 'view agreement',
    'neighbor_overlap': 'neighbor overlap',
    'effective_rank': 'effective rank',
    'alignment': 'alignment',
    'uniformity': 'uniformity',
    'loss_over_log_k': 'loss / log K',
}


def train(name: str, folder: Path) -> dict[str, list[float]]:
    """Train one run; its signals, with ``step`` as iterations."""
    iterations, interval, settings = RUNS[name]
    hook = f"[dict(type='UnlabeledMonitorHook', by_epoch=False, interval={interval})]"
    dataset = "dict(_delete_=True, type='LabeledFraction', fraction=0.2, dataset=dict("
    dataset += "type='ImageArrays', data_root='data/cifar10-jpeg', split='train'))"
    options = {
        LR: 0.03,
        'train_cfg.max_iters': iterations,
        'param_scheduler.0.end': 20,
        'param_scheduler.1.begin': 20,
        'train_dataloader.dataset.dataset': dataset,
        'custom_hooks': hook,
        'val_cfg': None,
        'val_dataloader': None,
        'val_evaluator': None,
        **settings,
    }
    words = [f'{key}={value}' for key, value in options.items()]
    command = [sys.executable, 'tools/train.py', CONFIG, '--work-dir', folder]
    words = [*command, '--cfg-options', *words]
    subprocess.run(words, cwd=ROOT, check=True)  # noqa: S603
    found: dict[str, list[float]] = {}
    for log in scalar_logs(folder):
        for line in log.read_text().splitlines():
            record = json.loads(line)
            if 'monitor/alignment' not in record:
                continue
            for key in ('step', *SIGNALS):
                value = record.get(key, record.get(f'monitor/{key}'))
                if value is not None:
                    found.setdefault(key, []).append(round(value, 4))
    return found


def draw(curves: dict[str, dict[str, list[float]]], path: Path) -> None:
    """A panel per signal, a line per run."""
    import matplotlib as mpl

    mpl.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(9, 5), layout='constrained')
    for axis, (key, label) in zip(axes.flat, SIGNALS.items(), strict=True):
        for (name, curve), style in zip(curves.items(), ('-', '--', ':'), strict=True):
            values = curve[key]
            # What is compared with an earlier measurement begins later.
            axis.plot(curve['step'][-len(values) :], values, style, label=name)
        axis.set_title(label, fontsize=10)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel('iterations', fontsize=9)
    axes[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Train what is missing, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dir', type=Path)
    folder = parser.parse_args().work_dir.absolute()
    path = ROOT / 'results/training_curves.json'
    curves = json.loads(path.read_text()) if path.is_file() else {}
    for name in RUNS:
        if name not in curves:
            curves[name] = train(name, folder / name.replace(' ', '_'))
            path.write_text(json.dumps(curves, indent=1) + '\n')
    draw(curves, ROOT / 'docs/pictures/training-curves.png')


if __name__ == '__main__':
    main()
