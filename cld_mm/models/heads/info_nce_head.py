"""InfoNCEHead: each query against its key and a queue of past keys."""

from mmengine.model import BaseModule
from torch import Tensor

from cld_mm.models.losses.checks import check_temperature
from cld_mm.models.losses.info_nce import info_nce
from cld_mm.registry import MODELS


@MODELS.register_module()
class InfoNCEHead(BaseModule):
    """Mean InfoNCE of one or more query views (MoCo, arXiv 1911.05722).

    Args:
        temperature: T; 0.07 in MoCo, 0.2 in MoCo v2.

    Raises:
        ValueError: temperature is not above 0.
    """

    def __init__(self, temperature: float = 0.2) -> None:
        super().__init__()
        check_temperature(temperature)
        self.temperature = temperature

    def loss(self, queries: list[Tensor], keys: Tensor, negatives: Tensor) -> Tensor:
        """Mean over the query views, a scalar.

        Args:
            queries: one ``(N, C)`` tensor a view.
            keys: ``(N, C)``, the positive of every view's queries.
            negatives: ``(L, C)``, the same for all.
        """
        # Once for all views, where mixed precision has made the queries half as wide.
        negatives = negatives.to(queries[0].dtype)
        losses = [
            info_nce(query, keys, negatives, self.temperature) for query in queries
        ]
        return sum(losses[1:], losses[0]) / len(losses)

    def extra_repr(self) -> str:
        return f'temperature={self.temperature}'
