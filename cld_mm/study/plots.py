"""A study's learning curves with bands, over steps and over compute."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cld_mm.visualization.style import color_of, save

from .plan import Study
from .results import Result
from .tables import Measure, measures_of, value_of

GRADIENT = 3  # a pass with gradient costs about three forward passes


def arm_curve(
    results: dict[str, Result], arm: str, measure: Measure
) -> tuple[np.ndarray, np.ndarray]:
    """Steps ``(S,)`` and values ``(seeds, S)`` of the steps that all seeds have."""
    curves = []
    for result in results.values():
        if result['kind'] != 'final' or result['arm'] != arm:
            continue
        points = {
            point['step']: value
            for point in result['curve']
            if (value := value_of({'measures': point}, measure)) is not None
        }
        last = value_of(result, measure)
        if last is not None:
            points[result['steps']] = last
        curves.append(points)
    shared = sorted(set.intersection(*map(set, curves))) if curves else []
    values = np.array([[points[step] for step in shared] for points in curves])
    return np.array(shared), values


def cost_per_step(result: Result) -> float:
    """Forward passes of one image that a step's batch is worth."""
    with_gradient = GRADIENT * result['passes_with_gradient']
    return result['batch'] * (with_gradient + result['passes_without_gradient'])


def plot_study(study: Study, results: dict[str, Result], out: Path) -> bool:
    """Draw it.

    Returns:
        Whether there was anything to draw.
    """
    measure = measures_of(study)[0]
    figure = Figure(figsize=(9, 3.6), layout='constrained')
    panels = figure.subplots(1, 2, sharey=True)
    drawn = False
    for number, arm in enumerate(study.arms.values()):
        steps, values = arm_curve(results, arm.name, measure)
        if not len(steps):
            continue
        drawn = True
        own = next(
            r for r in results.values() if (r['arm'], r['kind']) == (arm.name, 'final')
        )
        mean = values.mean(axis=0)
        std = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
        passes = steps * cost_per_step(own) / 1e6
        for axes, places in zip(panels, (steps, passes), strict=True):
            color = color_of(number)
            label = f'{arm.label} ({len(values)} seed{"s" * (len(values) > 1)})'
            axes.plot(places, mean, 'o-', color=color, label=label, markersize=3)
            axes.fill_between(places, mean - std, mean + std, color=color, alpha=0.2)
    pixels = results.get('pixels')
    if pixels is not None:
        for axes in panels:
            axes.axhline(
                pixels['measures']['knn_backbone_best'],
                color='#8A8A8A',
                linestyle='--',
                label='pixels, kNN at the best k',
            )
    panels[0].set_xlabel('iterations')
    panels[1].set_xlabel('forward passes, millions (with gradient counts as 3)')
    panels[0].set_ylabel(f'{measure[0]}, top-1 %')
    if drawn:
        panels[0].legend(fontsize=8)
    panels[0].set_title(study.title, loc='left', fontsize=10)
    if drawn:
        out.parent.mkdir(parents=True, exist_ok=True)
        save(figure, out)
    return drawn
