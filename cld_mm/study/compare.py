"""Pixels, an untrained and a trained network on the same test images."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cld_mm.augmentation.moved_images import moved_images
from cld_mm.models.layers import pooled

from .features import Images
from .measures import fit_logistic, knn_accuracies

KS = (5, 10, 20, 50, 100, 200)
STRENGTHS = (1e-3, 1e-2, 1e-1)
SIDES = ('pixels', 'untrained', 'trained')
TASKS = ('plain', 'moved')


class Comparison:
    """Measures sides as they come: features are not kept.

    Args:
        train: labeled training images, in memory.
        test: test images, in memory.
        tell: called with what is done next.
    """

    def __init__(
        self, train: Images, test: Images, tell: Callable[[str], object] = print
    ) -> None:
        self.train, self.labels = train.as_pixels()
        pixels, self.test_labels = test.as_pixels()
        self.tests = {'plain': pixels, 'moved': moved_images(pixels)}
        self.names: Sequence[str] = ()
        self.features = torch.empty(0)  # of the training images, of the newest side
        self.tell = tell
        self.results: dict[str, dict[str, dict[str, Any]]] = {}

    def measure(
        self, side: str, encode: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Linear probe and kNN of one side, its mean training feature removed.

        Args:
            side: its name.
            encode: from ``(N, C, H, W)`` bytes to ``(N, D)`` features.

        Returns:
            The features of the test images of each task.
        """
        self.tell(f'{side}: features, linear classifier, nearest neighbors')
        train = encode(self.train)
        mean = train.mean(dim=0)
        train = train - mean
        tests = {task: encode(pixels) - mean for task, pixels in self.tests.items()}
        fit = fit_logistic(train, self.labels, strengths=STRENGTHS, max_iter=100)
        self.results[side] = {}
        for task, test in tests.items():
            knn = knn_accuracies(train, self.labels, test, self.test_labels, KS)
            best = max(knn, key=lambda k: knn[k])
            self.results[side][task] = {
                'linear': fit.accuracy(test, self.test_labels),
                'knn': knn[best],
                'knn_k': int(best),
            }
        self.features = train
        return tests

    def measure_pixels(self) -> dict[str, Tensor]:
        """The side of the pixels."""
        return self.measure('pixels', lambda x: x.flatten(1).float() / 255)

    def measure_model(self, side: str, model: Any) -> dict[str, Tensor]:
        """The side of a network: the first output that its backbone's config lists."""
        return self.measure(side, lambda x: encode_pixels(model, x))


@torch.no_grad()
def encode_pixels(model: Any, pixels: Tensor, batch_size: int = 500) -> Tensor:
    """Features ``(N, D)`` of ``(N, C, H, W)`` bytes, in eval mode.

    Of several backbone outputs the first as a flat vector, of one its average.
    """
    was_training = model.training
    model.eval()
    features = []
    for batch in pixels.split(batch_size):
        data = {'inputs': batch, 'data_samples': []}
        inputs = model.data_preprocessor(data, False)['inputs']
        outputs = model.backbone(inputs)
        several = isinstance(outputs, Sequence) and len(outputs) > 1
        found = outputs[0].flatten(1) if several else pooled(outputs)
        features.append(found.float().cpu())
    model.train(was_training)
    return torch.cat(features)


def wins(results: dict[str, Any], task: str, margin: float = 2.0) -> bool:
    """Whether the trained side beats both others, by ``margin`` points if linear."""
    trained, others = results['trained'][task], ('pixels', 'untrained')
    linear = all(
        trained['linear'] >= results[o][task]['linear'] + margin for o in others
    )
    return linear and all(trained['knn'] > results[o][task]['knn'] for o in others)


def comparison_table(results: dict[str, Any], names: Sequence[str] = SIDES) -> str:
    """The results as text."""
    titles = {
        'pixels': 'raw pixels',
        'untrained': 'untrained network',
        'trained': 'trained network',
    }
    head = ['', 'linear', 'kNN', 'linear, moved', 'kNN, moved']
    rows = [head]
    for side in names:
        cells = [
            f'{results[side][task][measure]:.1f} %'
            for task in TASKS
            for measure in ('linear', 'knn')
        ]
        rows.append([titles[side], *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        '  '.join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rule = '-' * len(lines[0])
    return '\n'.join([rule, lines[0], rule, *lines[1:], rule])
