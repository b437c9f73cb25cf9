"""Run one of a study's runs: train or resume, measure, write the result."""

import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from cld_mm.engine.build import build_runner
from cld_mm.fileio.environment import hardware, versions
from cld_mm.fileio.training_logs import read_run

from .curve_hook import FILE, read_curve
from .features import Images
from .measures import knn_accuracies, measure_features, pixel_features
from .plan import Run, Study
from .results import Result, write_result
from .revision import code_revision
from .settings import data_of, settings_digest

DIGITS = 5


def execute(
    study: Study, run: Run, cfg: Config, chosen: dict[str, Any], out: Path
) -> None:
    """Do a run and write its result.

    Args:
        study: the study.
        run: what to do.
        cfg: the run's config, its ``work_dir`` set.
        chosen: hyperparameters that differ from the arm's config.
        out: the result file.
    """
    start = time.time()
    runner = build_runner(cfg)
    settings = dict(study.measures)
    ks, temperature = settings['k'], settings['temperature']
    result: Result = {
        'study': study.name,
        'run': run.name,
        'kind': run.kind,
        'arm': run.arm.name if run.arm else None,
        'seed': run.seed,
        'config': run.arm.config if run.arm else None,
        'options': {**(run.arm.options if run.arm else {}), **chosen},
        'settings': settings_digest(cfg),
        'data': data_of(cfg, {}),
        'revision': code_revision(),
        'command': f'python tools/study.py {study.file} --only {run.name}',
        'hardware': f'{hardware()}, {cpu_name()}',
        'versions': versions(),
    }
    if run.kind == 'pixels':
        result['measures'] = _measure_pixels(runner, ks, temperature)
    else:
        if run.kind == 'untrained':
            runner.model.init_weights()
        else:
            passes = Path(cfg.work_dir) / 'passes.json'
            count_passes(runner.model, passes)
            runner.train()
            result |= _training(cfg, json.loads(passes.read_text()))
        loop = runner.val_loop
        train, test = (
            Images(loader).features(runner.model)
            for loader in (loop.train_dataloader, loop.dataloader)
        )
        linear = settings['linear'] and run.kind != 'trial'
        result['measures'] = measure_features(train, test, ks, temperature, linear)
    result['images'] = [
        len(runner.val_loop.train_dataloader.dataset),
        len(runner.val_loop.dataloader.dataset),
    ]
    result['seconds'] = round(time.time() - start, 1)
    result['finished'] = time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime())
    write_result(out, result)


def count_passes(model: nn.Module, out: Path) -> None:
    """Count what encoders see in the first step, in batches of whole views.

    Args:
        model: an algorithm.
        out: JSON with 'grad' and 'no_grad', passes per image; patches count by area.
    """
    seen = {'grad': 0, 'no_grad': 0}
    batch: list[int] = []
    inner = getattr(model, 'algorithm', model)
    encoders = [m for n, m in inner.named_modules() if n.split('.')[-1] == 'backbone']

    def see(module: nn.Module, inputs: tuple, output: Any) -> None:
        seen['grad' if torch.is_grad_enabled() else 'no_grad'] += inputs[0].numel()
        batch.append(inputs[0].numel())

    handles = [encoder.register_forward_hook(see) for encoder in encoders]
    step: Any = model.train_step

    def first_step(*args: Any, **kwargs: Any) -> Any:
        outputs = step(*args, **kwargs)
        for handle in handles:
            handle.remove()
        model.train_step = step  # type: ignore[method-assign]
        per_image = {kind: count / batch[0] for kind, count in seen.items()}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(per_image))
        return outputs

    model.train_step = first_step  # type: ignore[assignment, method-assign]


def _training(cfg: Config, passes: dict[str, float]) -> dict[str, Any]:
    """Steps, passes, seconds, curve and log of a finished training."""
    try:
        curves = read_run(Path(cfg.work_dir))
    except (FileNotFoundError, ValueError):  # shorter than the logger's interval
        curves = {}
    steps = cfg.train_cfg.max_iters
    times = curves.pop('time', ([], []))[1]
    for name in ('data_time', 'memory'):
        curves.pop(name, None)
    return {
        'steps': steps,
        'batch': cfg.train_dataloader.batch_size,
        'passes_with_gradient': passes['grad'],
        'passes_without_gradient': passes['no_grad'],
        'train_seconds': round(steps * sum(times) / len(times), 1) if times else None,
        'curve': read_curve(Path(cfg.work_dir) / FILE),
        'log': {
            name: [
                [int(step) for step in found],
                [float(f'{value:.{DIGITS}g}') for value in values],
            ]
            for name, (found, values) in curves.items()
        },
    }


def _measure_pixels(runner: Any, ks: Any, temperature: float) -> dict[str, Any]:
    loop = runner.val_loop
    images, labels = zip(
        *(Images(one).as_pixels() for one in (loop.train_dataloader, loop.dataloader)),
        strict=True,
    )
    plain = [part.flatten(1).float() / 255 for part in images]
    mean = plain[0].mean(dim=0)
    train, test = (pixel_features(part, mean) for part in images)
    measures = measure_features(
        {'backbone': train, 'labels': labels[0]},
        {'backbone': test, 'labels': labels[1]},
        ks,
        temperature,
    )
    measures['knn_with_mean'] = knn_accuracies(
        plain[0], labels[0], plain[1], labels[1], ks, temperature
    )
    return measures


def cpu_name() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(':', 1)[1].strip() for line in lines if 'model name' in line]
    return names[0] if names else platform.machine()
