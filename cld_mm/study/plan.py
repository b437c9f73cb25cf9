"""A study's config, checked, and the runs that follow from it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

BASELINES = ('pixels', 'untrained')
KEYS = {'arms', 'seeds', 'pairs', 'baselines', 'tuning', 'measures', 'title', 'notes'}
ARM_KEYS = {'config', 'options', 'steps', 'seeds', 'tuned_as', 'label'}
TUNING_KEYS = {'steps', 'held_out', 'metric', 'trials', 'seed'}
MEASURES = {'k': (5, 10, 20, 50, 100, 200), 'temperature': 0.1, 'linear': True}


class StudyError(ValueError):
    """A study that cannot run as it is; the message says what to change."""


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    Attributes:
        name: of the arm.
        config: path of the training config.
        options: settings that replace those of the config, as ``--cfg-options``.
        steps: training iterations, or None for the config's.
        seeds: one run each.
        tuned_as: the arm whose trials choose this arm's hyperparameters.
        label: name in tables and plots.
    """

    name: str
    config: str
    options: dict[str, Any]
    steps: int | None
    seeds: tuple[int, ...]
    tuned_as: str
    label: str


@dataclass(frozen=True)
class Run:
    """One thing to run, and the result file's stem.

    Attributes:
        kind: 'trial', 'final', 'untrained' or 'pixels'.
        arm: None for pixels.
        seed: of the run.
        trial: index of the trial, or None.
    """

    kind: str
    arm: Arm | None
    seed: int
    trial: int | None = None

    @property
    def name(self) -> str:
        """Unique within the study."""
        if self.arm is None:
            return self.kind
        if self.kind == 'trial':
            return f'{self.arm.name}-trial{self.trial}'
        middle = '-untrained' if self.kind == 'untrained' else ''
        return f'{self.arm.name}{middle}-seed{self.seed}'


@dataclass(frozen=True)
class Study:
    """A study; see :func:`load_study`."""

    name: str
    file: Path
    title: str
    notes: str
    arms: dict[str, Arm]
    pairs: tuple[tuple[str, str], ...]
    baselines: tuple[str, ...]
    tuning: dict[str, Any]
    measures: dict[str, Any] = field(default_factory=lambda: dict(MEASURES))

    def trials(self, arm: str) -> list[dict[str, Any]]:
        """The settings that are tried for an arm."""
        return [dict(trial) for trial in self.tuning.get('trials', {}).get(arm, [])]

    def runs(self) -> list[Run]:
        """Everything that the study needs, in the order in which it is run.

        Trials, each arm's first seed, the baselines, the other seeds in turn; arms with
        more steps of their own come later.
        """
        seed = self.tuning.get('seed', 0)
        trials = [
            Run('trial', arm, seed, index)
            for arm in self.arms.values()
            for index in range(len(self.trials(arm.name)))
        ]
        rest: list[tuple[float, float, Run]] = [
            (arm.steps or 0, place, Run('final', arm, seed))
            for arm in self.arms.values()
            for place, seed in enumerate(arm.seeds)
        ]
        first = next(iter(self.arms.values()))
        if 'untrained' in self.baselines:
            rest += [(0, 0.5, Run('untrained', first, seed)) for seed in first.seeds]
        if 'pixels' in self.baselines:
            rest.append((0, 0.5, Run('pixels', None, 0)))
        rest.sort(key=lambda item: item[:2])
        return trials + [run for *_, run in rest]


def load_study(path: str | Path) -> Study:
    """Read and check a study's config.

    Args:
        path: a Python config with ``arms`` (name to ``dict(config=..., options=...,
            steps=..., seeds=..., tuned_as=..., label=...)``), ``seeds``, and as needed
            ``pairs``, ``baselines`` ('pixels', 'untrained'), ``tuning`` (``steps``,
            ``held_out``, ``metric``, ``seed``, ``trials``), ``measures`` (``k``,
            ``temperature``, ``linear``), ``title`` and ``notes``. Other names begin
            with an underscore.

    Raises:
        StudyError: something in it is wrong or missing.
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(f'the study {path} does not exist.')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a Python config may raise anything
        raise StudyError(
            f'{path} cannot be read: {type(error).__name__}: {error}'
        ) from error
    _known(path, '', [key for key in cfg if not key.startswith('_')], KEYS)
    arms = _arms(path, cfg)
    pairs = tuple(tuple(pair) for pair in cfg.get('pairs', []))
    for pair in pairs:
        if len(pair) != 2 or not set(pair) <= set(arms) or len(set(pair)) < 2:
            raise StudyError(
                f'{path}: the pair {pair} must name two of the arms {", ".join(arms)}.'
            )
    baselines = tuple(cfg.get('baselines', BASELINES))
    for name in baselines:
        if name not in BASELINES:
            raise StudyError(
                f'{path}: unknown baseline {name!r}; known: {", ".join(BASELINES)}.'
            )
    measures = dict(MEASURES, **cfg.get('measures', {}))
    _known(path, 'measures: ', measures, set(MEASURES))
    if not measures['k'] or min(measures['k']) < 1 or not measures['temperature'] > 0:
        raise StudyError(f'{path}: measures need k >= 1 and a temperature above 0.')
    study = Study(
        name=path.stem,
        file=path,
        title=cfg.get('title', path.stem),
        notes=cfg.get('notes', ''),
        arms=arms,
        pairs=pairs,  # type: ignore[arg-type]
        baselines=baselines,
        tuning=_tuning(path, cfg, arms),
        measures=measures,
    )
    names = [run.name for run in study.runs()]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise StudyError(f'{path}: two runs have the name {min(twice)}: rename an arm.')
    return study


def _arms(path: Path, cfg: Config) -> dict[str, Arm]:
    if not cfg.get('arms'):
        raise StudyError(f'{path}: there are no arms: set arms=dict(name=dict(...)).')
    arms = {}
    for name, arm in cfg.arms.items():
        _known(path, f'arm {name}: ', arm, ARM_KEYS)
        if not isinstance(arm.get('config'), str) or not Path(arm.config).is_file():
            raise StudyError(
                f'{path}: arm {name}: the config {arm.get("config")} does not exist.'
            )
        seeds = list(arm.get('seeds', cfg.get('seeds', [0])))
        if not seeds:
            raise StudyError(f'{path}: arm {name}: there are no seeds: set seeds=[0].')
        for seed in seeds:
            if not isinstance(seed, int) or seed < 0:
                raise StudyError(f'{path}: arm {name}: {seed!r} is not a seed (>= 0).')
            if seeds.count(seed) > 1:
                raise StudyError(f'{path}: arm {name}: seed {seed} is listed twice.')
        steps = arm.get('steps')
        if steps is not None and steps < 1:
            raise StudyError(f'{path}: arm {name}: steps must be >= 1, got {steps}.')
        arms[name] = Arm(
            name=name,
            config=arm.config,
            options=dict(arm.get('options', {})),
            steps=steps,
            seeds=tuple(seeds),
            tuned_as=arm.get('tuned_as', name),
            label=arm.get('label', name),
        )
    for arm in arms.values():
        if arm.tuned_as not in arms:
            raise StudyError(
                f'{path}: arm {arm.name}: tuned_as names the unknown arm '
                f'{arm.tuned_as}.'
            )
    return arms


def _tuning(path: Path, cfg: Config, arms: dict[str, Arm]) -> dict[str, Any]:
    tuning = dict(cfg.get('tuning') or {})
    if not tuning:
        return {}
    _known(path, 'tuning: ', tuning, TUNING_KEYS)
    trials = tuning.get('trials') or {}
    for name in trials:
        if name not in arms:
            raise StudyError(f'{path}: tuning: there is no arm {name}.')
    needed = {arm.tuned_as for arm in arms.values()}
    counts = {name: len(trials.get(name, [])) for name in needed}
    if len(set(counts.values())) > 1:
        raise StudyError(
            f'{path}: tuning: each arm needs the same number of trials, got '
            f'{", ".join(f"{name} {n}" for name, n in sorted(counts.items()))}.'
        )
    tuning.setdefault('held_out', 0.1)
    tuning.setdefault('metric', 'knn_backbone_best')
    if not 0 < tuning['held_out'] < 1:
        raise StudyError(
            f'{path}: tuning: held_out must be in (0, 1), got {tuning["held_out"]}.'
        )
    return tuning


def _known(path: Path, where: str, given: Any, known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise StudyError(
                f'{path}: {where}unknown key {key!r}; known: '
                f'{", ".join(sorted(known))}.'
            )
