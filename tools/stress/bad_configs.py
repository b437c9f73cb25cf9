"""Hundreds of invalid configs through tools/train.py: each runs, or says what is wrong.

``python tools/stress/bad_configs.py --configs 500 --seed 0`` takes the project's
recipes, cuts those for Fashion-MNIST down to a step or two on tiny data, and breaks one
thing: a key is missing, misspelt or None, a value of a wrong type, sign or size, a
type's name misspelt, two sections swapped, a file absent, an option of the command line
wrong. Each runs ``main()`` in a forked process. An error must be one line that names
the section and the key; the exit code is 1 where one does not. The last line is JSON,
also after SIGTERM or Ctrl-C; ``--start`` continues from a config.
"""

import argparse
import copy
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.stress.closing import closing_line
from tools.stress.processes import fork_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train by invalid configs.')
    parser.add_argument('--configs', type=int, default=500)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--verbose', action='store_true', help='print every outcome')
    parser.add_argument('--start', type=int, default=0, help='the first config')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch
from mmengine.config import Config
from cld_mm.config.tree import walk_value
from cld_mm.datasets.preparation.fashion_mnist import fetch
from tools import train


SECTIONS = (
    'model',
    'train_dataloader',
    'val_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'val_cfg',
    'val_evaluator',
    'custom_hooks',
    'default_hooks',
    'randomness',
)
KINDS: tuple[str, ...] = (
    'missing',
    'misspelt',
    'type name',
    'wrong type',
    'wrong type',
    'none',
)
KINDS += ('negative', 'size', 'swapped', 'option', 'file')
# What the large recipes lack here: data, weights to start from, other ranks.
ABSENT: tuple[str, ...] = (
    'data_root: the data folder',
    'the pre-trained checkpoint (none given)',
)
ABSENT += ('splits its states over ranks and this run has none',)
ERROR = re.compile(r'^(\[rank \d+\] )?error: .+$', re.MULTILINE)


def recipes(digits: Path) -> list[dict]:
    """Every recipe as plain values; those that can run are cut down."""
    found = []
    for path in sorted((ROOT / 'configs').rglob('*.py')):
        if {'_base_', 'mmdetection'} & set(path.parts):
            continue  # parts of configs, and another program's
        cfg = Config.fromfile(path)
        plain = json.loads(json.dumps(cfg.to_dict(), default=str))
        if 'fashionmnist' in path.name:
            found += [shrunk(plain, digits)] * 8
        else:
            found.append(plain)
    return found


def shrunk(cfg: dict, digits: Path) -> dict:
    """A step or two of a narrow network on a few digits."""
    parts = [node.value for node in walk_value(cfg, '') if isinstance(node.value, dict)]
    for part in parts:
        if part.get('type') == 'CheckedFashionMNIST':
            part.update(data_root=str(digits), indices=48)
        if 'num_images' in part:
            part['num_images'] = 48
        if 'num_groups' in part:
            part['num_groups'] = 4
        if 'queue_len' in part:
            part['queue_len'] = 64
    cfg['train_dataloader']['batch_size'] = 16
    cfg['train_cfg'] = {'type': 'ResumableEpochLoop', 'max_epochs': 1}
    cfg['train_cfg']['val_interval'] = 1
    cfg['launcher'] = 'none'
    if cfg['model'].get('type') == 'ImageClassifier':  # a probe, from random weights
        cfg['model']['backbone']['init_cfg'] = None
    return cfg


def places(node: Any, path: tuple = ()) -> list[tuple]:
    """Every place below ``node``."""
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    return [
        found
        for key, value in items
        for found in [(*path, key), *places(value, (*path, key))]
    ]


def break_one_thing(cfg: dict, draw: random.Random) -> tuple[list[str], str, list[str]]:
    """Break one thing in place; extra arguments, what was done, names to expect."""
    kind = draw.choice(KINDS)
    used = places({key: cfg[key] for key in SECTIONS if cfg.get(key)})
    if kind == 'type name':
        used = [path for path in used if path[-1] == 'type']
    if kind in ('missing', 'misspelt'):
        used = [path for path in used if isinstance(path[-1], str)]
    if kind in ('negative', 'size'):
        used = [path for path in used if is_number(at(cfg, path))]
    if kind == 'file':
        used = [path for path in used if path[-1] == 'data_root']
    if kind == 'swapped':
        used = [path for path in used if len(path) == 1]
    path = draw.choice(used)
    owner, key, old = at(cfg, path[:-1]), path[-1], at(cfg, path)
    names = [str(name) for name in path if isinstance(name, str)]
    if kind == 'option':
        wrong = draw.choice([f'{names[0]}x.y=1', f'{names[0]}={draw.randint(-9, 9)}'])
        return ['--cfg-options', wrong], f'option {wrong}', [names[0]]
    if kind == 'missing':
        del owner[key]
    elif kind == 'misspelt':
        owner[str(key) + 'x'] = owner.pop(key)
    elif kind == 'type name':
        owner[key] = str(old)[:-1] + 'qx'
    elif kind == 'none':
        owner[key] = None
    elif kind == 'negative':
        owner[key] = -abs(old) - 1
    elif kind == 'size':
        owner[key] = draw.choice([0, old * 3 + 1, 10**6 if old > 100 else 0.5])
    elif kind == 'file':
        owner[key] = '/nowhere/' + draw.choice(['a', 'b'])
    elif kind == 'swapped':
        other = draw.choice([name for name in SECTIONS if cfg.get(name)])
        cfg[key], cfg[other] = cfg[other], cfg[key]
        names.append(other)
    else:
        choices: list[Any] = ['text', [], {}, 3.5, True, 7, ['text'], {'type': 'X'}]
        owner[key] = draw.choice([v for v in choices if type(v) is not type(old)])
    return [], f'{kind} at {".".join(map(str, path))}: {owner_of(owner, key)}', names


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def owner_of(owner: Any, key: Any) -> str:
    try:
        return repr(owner[key])[:60]
    except (KeyError, IndexError):
        return 'not there'


def at(node: Any, path: tuple) -> Any:
    """The value at a place."""
    for key in path:
        node = node[key]
    return node


def attempt(words: list[str], log: Path, limit: float) -> int | None:
    """train.main() in a forked process; its exit code, or None where it hangs."""
    child = fork_tool(train.main, words, log)
    end = time.monotonic() + limit
    done = 0
    try:
        while not done and time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.02)
        return os.waitstatus_to_exitcode(status) if done else None
    finally:  # also where this script is stopped
        if not done:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


COUNTED: tuple[str, ...] = ('configs', 'raw_tracebacks', 'hangs', 'ran', 'one_line')
COUNTED += ('stopped_at_data', 'key_not_named')


def run(
    configs: int,
    seed: int,
    limit: float = 120.0,
    verbose: bool = False,
    start: int = 0,
    counts: dict | None = None,
) -> dict:
    """Break and run from config ``start`` on; ``counts`` of what came of it."""
    torch.set_num_threads(1)
    counts = {} if counts is None else counts
    counts.update(dict.fromkeys(COUNTED, 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch(folder / 'digits', 'digits')
        sound = recipes(folder / 'digits')
        os.chdir(folder)
        for number in range(start, configs):
            draw = random.Random(f'{seed} {number}')  # noqa: S311 no secret
            cfg = copy.deepcopy(draw.choice(sound))
            extra, done, names = break_one_thing(cfg, draw)
            config, log = folder / 'broken.json', folder / 'log'
            config.write_text(json.dumps(cfg))
            words = [str(config), '--work-dir', str(folder / 'out'), *extra]
            code = attempt(words, log, limit)
            text = log.read_text(errors='replace')
            kind = judge(code, text, names)
            counts['configs'] += 1
            counts[kind] += 1
            if kind not in ('ran', 'one_line', 'stopped_at_data') or verbose:
                tail = ' | '.join(text.strip().splitlines()[-2:])[-400:]
                print(f'{number} {kind} (code {code}): {done}\n    {tail}', flush=True)
    return counts


def judge(code: int | None, text: str, names: list[str]) -> str:
    """What came of a run: its exit code, its log, and the keys it should name."""
    if code is None:
        return 'hangs'
    if code == 0:
        return 'ran'
    errors = [found.group(0) for found in ERROR.finditer(text)]
    usage = re.search(r'^\S+: error: .+$', text, re.MULTILINE)
    if usage and code == 2:  # argparse's own
        return 'one_line'
    if code not in (1, 2) or len(errors) != 1 or 'Traceback (most' in text:
        return 'raw_tracebacks'
    if '/nowhere/' not in errors[0] and any(text in errors[0] for text in ABSENT):
        return 'stopped_at_data'
    return 'one_line' if is_named(errors[0], names) else 'key_not_named'


def is_named(error: str, names: list[str]) -> bool:
    """Whether a message names the section, and the key or the part that 'type' names.

    As whole words: ``lr`` is not named by ``learning_rate`` or ``color``.
    """
    words = set(re.findall(r'\w+', error))
    if all(name in SECTIONS for name in names):  # two swapped sections, or one alone
        return not words.isdisjoint(names)
    key = next((name for name in reversed(names) if name != 'type'), names[0])
    return names[0] in words and not words.isdisjoint({key, f'{key}x'})


def main() -> None:
    args = parse_args()
    report = {'seed': args.seed, 'start': args.start}
    with closing_line(report) as counts:
        run(
            args.configs,
            args.seed,
            verbose=args.verbose,
            start=args.start,
            counts=counts,
        )
    faults = ('raw_tracebacks', 'hangs', 'key_not_named')
    sys.exit(any(counts[name] for name in faults))


if __name__ == '__main__':
    main()
