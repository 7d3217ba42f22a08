"""lib.naics.fusion against a loop over rows, and what the load-balancing loss is and is not."""

import math

import pytest
import torch
import torch.nn.functional as F

from lib.naics.fusion import CONTEXT_SCALE, LinearFusion, MixtureOfExperts, balance_loss

CHANNELS, D_IN, D_OUT, EXPERTS = 4, 6, 5, 4


def moved(module):
    """The module with every weight off its start, so that nothing is zero by design."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=generator)
    return module


def mixture(top_k=2):
    torch.manual_seed(1)
    return MixtureOfExperts(CHANNELS, D_IN, D_OUT, EXPERTS, top_k, hidden=3)


@pytest.fixture
def batch():
    """Features `(9, C * d)` and presence `(9, C)`; every row has a channel, no two rows the same ones."""
    generator = torch.Generator().manual_seed(3)
    present = torch.tensor([[(row + 1) >> channel & 1 for channel in range(CHANNELS)] for row in range(9)]).float()
    return torch.randn(9, CHANNELS * D_IN, generator=generator), present


def one_row(module, features, present):
    """One row through the mixture, expert by expert, and its gate's probabilities and choice."""
    seen = torch.cat([CONTEXT_SCALE * features, present])
    logits = (module.gate.weight @ seen).detach()
    chosen = sorted(range(EXPERTS), key=lambda e: -logits[e].item())[: module.top_k]
    total = sum(math.exp(logits[e]) for e in chosen)
    out = module.linear.weight @ features / present.sum() + module.linear.bias
    for e in chosen:
        hidden = F.gelu(module.up[e].T @ seen + module.up_bias[e])
        out = out + math.exp(logits[e]) / total * (module.down[e].T @ hidden)
    return out, logits.softmax(0), chosen


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_mixture_is_a_loop_over_rows(batch, top_k):
    module = moved(mixture(top_k))
    fused, balance = module(*batch)
    rows = [one_row(module, *row) for row in zip(*batch)]
    torch.testing.assert_close(fused, torch.stack([out for out, _, _ in rows]), rtol=1e-5, atol=1e-6)
    importance = [sum(p[e].item() for _, p, _ in rows) / len(rows) for e in range(EXPERTS)]
    load = [sum(e in chosen for _, _, chosen in rows) / (len(rows) * top_k) for e in range(EXPERTS)]
    assert len({tuple(chosen) for _, _, chosen in rows}) > 1 or top_k == EXPERTS
    assert balance.item() == pytest.approx(EXPERTS * sum(i * n for i, n in zip(importance, load)), rel=1e-5)


def test_an_expert_that_no_row_chose_gets_no_gradient_and_the_others_do(batch):
    module = moved(mixture())
    with torch.no_grad():
        module.gate.weight[3] = 0
        module.gate.weight[3, -CHANNELS:] = -1e3  # some channel is always present
    module(*batch)[0].square().sum().backward()
    used = [module.up.grad[e].abs().max().item() > 0 for e in range(EXPERTS)]
    assert used[3] is False
    assert sum(used) >= 2


@pytest.mark.parametrize(
    "fusion",
    [LinearFusion(CHANNELS, D_IN, D_IN), MixtureOfExperts(CHANNELS, D_IN, D_IN, EXPERTS, 2, hidden=3)],
    ids=["linear", "moe"],
)
def test_it_starts_as_the_mean_of_the_channels_that_are_there(fusion, batch):
    features, present = batch
    rows = features.view(-1, CHANNELS, D_IN) * present.unsqueeze(-1)
    fused, _ = fusion(rows.flatten(1), present)
    torch.testing.assert_close(fused, rows.sum(1) / present.sum(1, keepdim=True))


def test_a_narrower_start_keeps_the_channels_alike_and_lengths_bounded():
    torch.manual_seed(1)
    fusion = LinearFusion(CHANNELS, D_IN, D_OUT)
    one = torch.eye(CHANNELS)
    same = F.normalize(torch.randn(D_IN), dim=0)
    rows = (one.unsqueeze(-1) * same).flatten(1)  # the same text in one channel, and in another
    fused, balance = fusion(rows, one)
    assert (fused - fused[0]).abs().max() < 1e-6
    assert 0 < fused[0].norm() <= 1 + 1e-6
    assert balance.item() == 0


# The load-balancing loss


def routed(logits, top_k=2):
    top, chosen = logits.topk(top_k, dim=1)
    return torch.zeros_like(logits).scatter(1, chosen, top.softmax(dim=1))


def test_the_loss_is_1_when_even_and_the_number_of_experts_when_one_does_all():
    turns = 5.0 * torch.eye(EXPERTS).repeat(3, 1)
    even = turns + 4.0 * torch.eye(EXPERTS).roll(1, dims=1).repeat(3, 1)  # each expert first and second equally often
    assert balance_loss(even, routed(even)).item() == pytest.approx(1, rel=1e-6)
    uniform = torch.zeros(8, EXPERTS)
    assert balance_loss(uniform, routed(uniform)).item() == pytest.approx(1, rel=1e-6)
    alone = torch.tensor([[50.0, 0, 0, 0]]).repeat(8, 1)
    assert balance_loss(alone, routed(alone, 1)).item() == pytest.approx(EXPERTS, rel=1e-6)


def test_the_loss_of_the_whole_batch_is_not_the_mean_over_micro_batches():
    """Each half uses two experts, the whole batch all four: even as a whole, uneven in its parts."""
    logits = torch.full((8, EXPERTS), -9.0)
    logits[:4, :2] = logits[4:, 2:] = 0
    whole = balance_loss(logits, routed(logits))
    halves = [balance_loss(half, routed(half)) for half in logits.split(4)]
    assert whole.item() == pytest.approx(1, rel=1e-3)
    assert torch.stack(halves).mean().item() == pytest.approx(2, rel=1e-3)


def test_a_step_against_its_gradient_makes_the_load_more_even():
    logits = torch.randn(64, EXPERTS, generator=torch.Generator().manual_seed(1)) + torch.tensor([3.0, 0, 0, 0])
    logits.requires_grad_()
    before = balance_loss(logits, routed(logits))
    (gradient,) = torch.autograd.grad(before, logits)
    assert gradient.abs().max() > 0
    after = logits - 200 * gradient
    assert balance_loss(after, routed(after)) < before - 0.1


def test_the_loss_pulls_at_the_gate_alone(batch):
    module = moved(mixture())
    module(*batch)[1].backward()
    reached = {name for name, weight in module.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert reached == {"gate.weight"}


def test_bf16_products_and_full_precision_routing(batch):
    """Mixed precision once met a float32 sum here and stopped; the choice of experts must not depend on it."""
    module = moved(mixture())
    exact, balance = module(*batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough, rough_balance = module(*batch)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=0.2)
    assert rough_balance.dtype == torch.float32
    assert rough_balance.item() == pytest.approx(balance.item(), rel=0.1)
