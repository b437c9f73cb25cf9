"""Losses against plain versions, values and gradients."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from cld_mm.models.grouping import kmeans
from cld_mm.models.losses import (
    CLDLoss,
    bank_nce_loss,
    bank_softmax_loss,
    cld_loss,
    estimate_normalizer,
    info_nce,
    softmax_over_bank,
)
from tests.helpers.watched_operations import LargestNew

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is')


def unit(*shape: Any) -> Any:
    return F.normalize(torch.randn(*shape), dim=1)


def slow_cld(
    a: Any, b: Any, groups_a: Any, groups_b: Any, temperature: Any, mask: Any
) -> torch.Tensor:
    total = torch.zeros(())
    for features, groups in ((a, groups_b), (b, groups_a)):
        for row, label in zip(features, groups.labels, strict=True):
            terms = [(row * c).sum() / temperature for c in groups.centroids]
            kept = [
                t
                for t, n in zip(terms, groups.counts, strict=True)
                if n > 0 or not mask
            ]
            total = total + torch.logsumexp(torch.stack(kept), 0) - terms[label]
    return total / (2 * len(a))


@pytest.mark.parametrize('mode', ['keep', 'mask'])
@pytest.mark.parametrize(('n', 'k'), [(2, 1), (7, 3), (16, 16), (5, 9), (1, 4)])
def test_cld_loss(n: int, k: int, mode: str) -> None:
    torch.manual_seed(n)
    a, b = unit(n, 6).requires_grad_(), unit(n, 6).requires_grad_()
    groups = kmeans(a, k), kmeans(b, k)
    fast = cld_loss(a, b, *groups, 0.3, mode)
    slow = slow_cld(a, b, *groups, 0.3, mode == 'mask')
    torch.testing.assert_close(fast, slow)
    for one, two in zip(
        torch.autograd.grad(fast, (a, b), retain_graph=True),
        torch.autograd.grad(slow, (a, b)),
        strict=True,
    ):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(cld_loss(b, a, *groups[::-1], 0.3, mode), fast)


def test_cld_loss_does_not_see_the_order_of_images() -> None:
    a, b = unit(9, 4), unit(9, 4)
    ga, gb = kmeans(a, 3), kmeans(b, 3)
    order = torch.randperm(9)
    ma, mb = (g._replace(labels=g.labels[order]) for g in (ga, gb))
    torch.testing.assert_close(
        cld_loss(a[order], b[order], ma, mb, 0.2), cld_loss(a, b, ga, gb, 0.2)
    )


def test_cld_loss_is_float32_under_autocast() -> None:
    a, b = unit(8, 4), unit(8, 4)
    groups = kmeans(a, 3), kmeans(b, 3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = cld_loss(a, b, *groups, 0.2)
    assert torch.equal(inside, cld_loss(a, b, *groups, 0.2))


@pytest.mark.parametrize('temperature', [1e-3, 0.07, 1.0, 1e3])
def test_info_nce(temperature: float) -> None:
    q, k, bank = unit(7, 5).requires_grad_(), unit(7, 5), unit(31, 5)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ bank.t()], 1) / temperature
    slow = F.cross_entropy(logits, torch.zeros(7, dtype=torch.long))
    (slow_grad,) = torch.autograd.grad(slow, q)
    fast = info_nce(q, k, bank, temperature)
    bank.fill_(float('nan'))  # written to before the backward pass
    (fast_grad,) = torch.autograd.grad(fast, q)
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(fast_grad, slow_grad, atol=1e-5, rtol=1e-4)


def test_info_nce_refuses_what_it_cannot_differentiate() -> None:
    q = unit(3, 4).requires_grad_()
    with pytest.raises(ValueError, match='detach them first'):
        info_nce(q, q, unit(5, 4), 0.2)


@pytest.mark.parametrize('chunk', [1, 50, 10**6])
def test_streamed_softmax(chunk: int) -> None:
    q, bank = unit(6, 4), unit(40, 4)
    log_sum, mean = softmax_over_bank(q, bank, 0.1, chunk)
    logits = q @ bank.t() / 0.1
    torch.testing.assert_close(log_sum, logits.logsumexp(1))
    torch.testing.assert_close(mean, logits.softmax(1) @ bank)


def test_bank_softmax() -> None:
    q, bank, own = unit(6, 4).requires_grad_(), unit(40, 4), torch.randint(40, (6,))
    fast, slow = (
        bank_softmax_loss(q, bank, own, 0.1),
        F.cross_entropy(q @ bank.t() / 0.1, own),
    )
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(*(torch.autograd.grad(x, q)[0] for x in (fast, slow)))


def test_bank_nce() -> None:
    q, bank, own = unit(6, 4).requires_grad_(), unit(40, 4), torch.randint(40, (6,))
    noise = torch.randint(40, (6, 9))
    log_z = estimate_normalizer(q, bank, noise, 0.2)
    scores = (q[:, None] * bank[torch.cat([own[:, None], noise], 1)]).sum(-1) / 0.2
    torch.testing.assert_close(log_z.exp(), 40 * scores[:, 1:].exp().mean())
    p = (scores - log_z).exp()
    h = p / (p + 9 / 40)
    slow = (-h[:, 0].log() - (1 - h[:, 1:]).log().sum(1)).mean()
    fast = bank_nce_loss(q, bank, own, noise, log_z, 0.2)
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(
        *(torch.autograd.grad(x, q)[0] for x in (fast, slow)), atol=1e-6, rtol=1e-4
    )


@pytest.mark.parametrize('temperature', [0, -1.0, float('nan')])
def test_temperature_is_named(temperature: float) -> None:
    with pytest.raises(ValueError, match='temperature must be > 0'):
        CLDLoss(temperature=temperature)


def test_a_bank_of_another_type_is_cast_piece_by_piece() -> None:
    """Else a bank in float16 would take more memory than one in float32."""
    torch.manual_seed(0)
    bank = F.normalize(torch.randn(4000, 16), dim=1).half()
    queries = F.normalize(torch.randn(3, 16), dim=1)
    with LargestNew(bank, queries) as seen:
        found = softmax_over_bank(queries, bank, 0.2, chunk_elements=2**14)
    assert 0 < seen.largest <= 2**14 < bank.numel()
    torch.testing.assert_close(found, softmax_over_bank(queries, bank.float(), 0.2))
