"""Recorder: what passes through some encoders while an algorithm works."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .row_keys import row_keys

# A grid of this many pixels a side tells images apart.
KEY_SIDE = 32


class Call(NamedTuple):
    """One forward pass of an encoder.

    Attributes:
        images: what went in, ``(M, 3, H, W)``.
        features: what came out.
        online: whether it was the encoder that is trained.
    """

    images: Tensor
    features: Any
    online: bool


class Recorder:
    """A context in which every forward pass of some encoders is noted.

    Hooks live only inside the context, so copies of a model carry none.

    Args:
        online: the encoder that is trained.
        averaged: its momentum encoders.
    """

    def __init__(self, online: nn.Module, averaged: Sequence[nn.Module] = ()) -> None:
        self.encoders = [(online, True), *((module, False) for module in averaged)]
        self.calls: list[Call] = []
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> 'Recorder':
        for encoder, online in self.encoders:

            def note(
                module: nn.Module, inputs: Any, output: Any, online: bool = online
            ) -> None:
                self.calls.append(Call(inputs[0].detach(), output, online))

            self._handles.append(encoder.register_forward_hook(note))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()


def image_keys(images: Tensor) -> Tensor:
    """Keys ``(N,)`` by which the same image is found again in another order."""
    steps = [max(1, size // KEY_SIDE) for size in images.shape[-2:]]
    pixels = images[..., :: steps[0], :: steps[1]].float()
    return row_keys(pixels.reshape(len(images), -1))


def find_rows(wanted: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Where keys occur among others.

    Args:
        wanted: ``(N,)`` keys.
        present: ``(M,)`` keys, M at least 1.

    Returns:
        For each wanted key a row of ``present``, and whether it is there.
    """
    ordered, order = present.sort()
    places = torch.searchsorted(ordered, wanted).clamp_(max=len(ordered) - 1)
    return order[places], ordered[places] == wanted
