"""The same network in another library."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass
class Counterpart:
    """A model of another library that a backbone's weights are written for.

    Attributes:
        library: 'timm' or 'torchvision'.
        name: of the model there.
        settings: keyword arguments that build it.
        headless: removes the classifier that ``settings`` do not.
        head: Python code that does the same to ``model``, for people.
    """

    library: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    headless: Callable[[nn.Module], None] = lambda model: None
    head: str = ''

    def build(self) -> nn.Module:
        """The model with random weights, in eval mode, without its classifier."""
        if self.library == 'timm':
            import timm

            model = timm.create_model(self.name, **self.settings)
        else:
            from torchvision import models

            model = models.get_model(self.name, weights=None, **self.settings)
        self.headless(model)
        return model.eval()

    def code(self) -> str:
        """The Python code that builds it."""
        function = {
            'timm': 'timm.create_model',
            'torchvision': 'torchvision.models.get_model',
        }[self.library]
        words = [repr(self.name)]
        words += [f'{key}={value!r}' for key, value in self.settings.items()]
        return f'model = {function}({", ".join(words)})' + self.head
