"""The scan in matrix products against the recurrence as the paper writes it, and against transformers."""

import pytest
import torch
import torch.nn.functional as F
from transformers import Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

from lib.mamba import kernels, ssd
from lib.mamba.mixer import Mixer, Sizes

SIZES = Sizes(d_model=32, d_state=16, d_conv=4, expand=2, headdim=8, chunk_size=16)
LENGTHS = (1, 2, 5, 15, 16, 17, 32, 50, 100)


def recurrence(x, dt, A, B, C):
    """One step after the other: the reference that the scan replaces."""
    batch, length, heads, width = x.shape
    state = torch.zeros(batch, heads, B.shape[-1], width, dtype=x.dtype)
    outputs = []
    for t in range(length):
        fade = torch.exp(dt[:, t] * A)[..., None, None]
        enters = torch.einsum("bn,bhp->bhnp", B[:, t], dt[:, t, :, None] * x[:, t])
        state = fade * state + enters
        outputs.append(torch.einsum("bn,bhnp->bhp", C[:, t], state))
    return torch.stack(outputs, dim=1)


def drawn(length, dtype=torch.float32):
    """Inputs of a scan: 3 sequences, 4 heads of width 8, a state of 16."""
    rng = torch.Generator().manual_seed(length)
    x, B, C = (torch.randn(3, length, *rest, generator=rng, dtype=dtype) for rest in ((4, 8), (16,), (16,)))
    dt = torch.rand(3, length, 4, generator=rng, dtype=dtype) * 0.3 + 1e-3
    return x, dt, -torch.arange(1, 5, dtype=dtype), B, C


@pytest.mark.parametrize("length", LENGTHS)
def test_the_scan_is_the_recurrence(length):
    given = drawn(length)
    assert torch.allclose(ssd.scan(*given, chunk_size=16), recurrence(*given), rtol=0, atol=2e-5)


@pytest.mark.parametrize("length", [5, 50])
def test_its_gradient_is_the_recurrences(length):
    given = [tensor.requires_grad_() for tensor in drawn(length, torch.float64)]
    upstream = torch.randn(3, length, 4, 8, dtype=torch.float64)
    ours = torch.autograd.grad(ssd.scan(*given, chunk_size=16), given, upstream)
    theirs = torch.autograd.grad(recurrence(*given), given, upstream)
    for own, reference in zip(ours, theirs):
        assert torch.allclose(own, reference, rtol=1e-10, atol=1e-10)


def test_chunks_change_nothing():
    given = drawn(100, torch.float64)
    whole = ssd.scan(*given, chunk_size=100)
    for chunk_size in (1, 7, 33, 99):
        assert torch.allclose(ssd.scan(*given, chunk_size=chunk_size), whole, rtol=0, atol=1e-12)


def test_a_strong_decay_over_a_long_sequence_stays_finite():
    """exp of a sum of logs, not a quotient of products: nothing overflows, also in the gradient."""
    x, dt, A, B, C = drawn(100)
    dt = (dt * 100).requires_grad_()
    y = ssd.scan(x, dt, A, B, C, chunk_size=64)
    y.sum().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(dt.grad).all()
    assert torch.allclose(y, recurrence(x, dt, A, B, C), rtol=0, atol=1e-4 * y.abs().max().item())


def test_the_convolution_is_torchs():
    conv = torch.nn.Conv1d(12, 12, 4, groups=12, padding=3)
    for length in (1, 3, 9):
        x = torch.randn(2, length, 12)
        reference = conv(x.transpose(1, 2))[..., :length].transpose(1, 2)
        assert torch.allclose(ssd.convolve(x, conv.weight, conv.bias), reference, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def pair():
    """Our block and that of transformers with the same weights, under the same names."""
    torch.manual_seed(0)
    ours = Mixer(SIZES)
    config = Mamba2Config(
        hidden_size=SIZES.d_model,
        state_size=SIZES.d_state,
        conv_kernel=SIZES.d_conv,
        expand=SIZES.expand,
        head_dim=SIZES.headdim,
        num_heads=SIZES.heads,
        n_groups=1,
        num_hidden_layers=1,
    )
    theirs = Mamba2Mixer(config, 0)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("length", LENGTHS)
def test_parity_with_transformers(pair, length):
    ours, theirs = pair
    x = torch.randn(3, length, SIZES.d_model)
    assert (ours(x) - theirs(x)).abs().max().item() <= 1e-5


def test_parity_of_gradients_with_transformers(pair):
    ours, theirs = pair
    x = torch.randn(3, 20, SIZES.d_model)
    for model in pair:
        model.zero_grad()
        F.mse_loss(model(x), x).backward()
    reference = dict(theirs.named_parameters())
    for name, weight in ours.named_parameters():
        assert torch.allclose(weight.grad, reference[name].grad, rtol=1e-4, atol=1e-6), name


def test_parity_at_paper_width():
    """d_model 768 and d_state 128, the block of the full configuration, over 5 and 100 chunks."""
    torch.manual_seed(0)
    sizes = Sizes(768, 128, 4, 2, 64, chunk_size=64)
    ours, names = Mixer(sizes), {"hidden_size": 768, "state_size": 128, "head_dim": 64, "num_heads": sizes.heads}
    theirs = Mamba2Mixer(Mamba2Config(**names, n_groups=1, num_hidden_layers=1, chunk_size=32), 0)
    theirs.load_state_dict(ours.state_dict())
    for length in (5, 100):
        x = torch.randn(1, length, 768)
        assert (ours(x) - theirs(x)).abs().max().item() <= 1e-4


def test_a_layer_has_mamba_2s_parameters():
    """The original had no C projection and twice the weights."""
    sizes = Sizes(768, 128, 4, 2, 64, chunk_size=64)
    with torch.device("meta"):
        block = Mixer(sizes)
    scanned, heads = 1536 + 2 * 128, 24
    expected = 768 * (1536 + scanned + heads) + 5 * scanned + 3 * heads + 1536 + 1536 * 768
    assert sum(weight.numel() for weight in block.parameters()) == expected


@pytest.mark.gpu
@pytest.mark.parametrize("length", [5, 64, 100])
def test_the_kernels_are_the_scan(length):
    """mamba-ssm's Triton kernels and the matrix products, forward and backward, with the same inputs."""
    given = [tensor.cuda().requires_grad_() for tensor in drawn(length)]
    upstream = torch.randn(3, length, 4, 8, device="cuda")
    ours, theirs = (scan(*given, chunk_size=64) for scan in (ssd.scan, kernels.scan))
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-3)
    for own, other in zip(*(torch.autograd.grad(y, given, upstream) for y in (ours, theirs))):
        assert torch.allclose(own, other, rtol=1e-2, atol=1e-2)
