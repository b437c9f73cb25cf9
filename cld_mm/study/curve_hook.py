"""StudyCurveHook: kNN accuracy during training, as lines of JSON in the work dir."""

import json
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook

from cld_mm.registry import HOOKS

from .features import Images
from .measures import measure_features

FILE = 'curve.jsonl'


@HOOKS.register_module()
class StudyCurveHook(Hook):
    """Measure features every so many iterations, but not at the last one.

    Args:
        interval: iterations between two measurements.
        k: numbers of neighbors.
        temperature: of the vote.
    """

    priority = 'LOW'

    def __init__(self, interval: int, k: list[int], temperature: float) -> None:
        self.interval = interval
        self.k = k
        self.temperature = temperature
        self.images: tuple[Images, Images] | None = None

    def before_train(self, runner: Any) -> None:
        """Forget what a run measured after the checkpoint that it resumes from."""
        path = Path(runner.work_dir) / FILE
        lines = [line for line in read_curve(path) if line['step'] <= runner.iter]
        path.write_text(''.join(json.dumps(line) + '\n' for line in lines))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Measure if it is time to."""
        step = runner.iter + 1
        if step % self.interval or step >= runner.max_iters:
            return
        loop = runner.val_loop
        if self.images is None:
            self.images = Images(loop.train_dataloader), Images(loop.dataloader)
        train, test = (images.features(runner.model) for images in self.images)
        found = measure_features(train, test, self.k, self.temperature, linear=False)
        with (Path(runner.work_dir) / FILE).open('a') as file:
            file.write(json.dumps({'step': step, **found}) + '\n')


def read_curve(path: Path) -> list[dict[str, Any]]:
    """The lines that are there."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]
