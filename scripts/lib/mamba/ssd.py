"""State-space duality: the recurrence of Mamba-2 in plain matrix products (Dao and Gu 2024, 2405.21060).

Each head keeps a state h, `(n, p)`, that fades and takes in the outer product of B and x (equation 1):

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t^T
    y_t = C_t^T h_t

Unrolled, that is attention with a decaying mask in place of the softmax (section 3.2):

    y_t = sum over s <= t of  (C_t . B_s) exp(dt_{s+1} A + ... + dt_t A) dt_s x_s

Short sequences are computed just so, in one masked product. Long ones are cut into chunks of equal
length, attention within each, and only the states at their ends go from one to the next (section 6).

    b batch   l length   h heads   p width of a head   n width of the state   c chunks   q length of a chunk
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def scan(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk_size: int) -> Tensor:
    """Outputs y `(b, l, h, p)` of inputs x `(b, l, h, p)`, from a state of zeros.

    dt `(b, l, h)` positive steps; A `(h,)` negative rates; B, C `(b, l, n)` what enters and leaves the state.
    """
    length = x.shape[1]
    fade, x = dt * A, x * dt.unsqueeze(-1)
    if length <= chunk_size:
        return attend(x, fade.cumsum(dim=1), B, C)
    chunks = math.ceil(length / chunk_size)
    size = math.ceil(length / chunks)
    x, fade, B, C = (_cut(tensor, chunks, size) for tensor in (x, fade, B, C))
    return _chunked(x, fade.cumsum(dim=2), B, C).flatten(1, 2)[:, :length]


def attend(x: Tensor, faded: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The masked product: x `(..., l, h, p)`, faded `(..., l, h)` log decay from the start, B, C `(..., l, n)`."""
    since = faded.transpose(-1, -2).unsqueeze(-1)  # (..., h, l, 1)
    later = torch.ones(x.shape[-3], x.shape[-3], dtype=torch.bool, device=x.device).triu(1)
    decay = (since - since.transpose(-1, -2)).masked_fill(later, -torch.inf).exp()  # (..., h, l, l)
    weights = (C @ B.transpose(-1, -2)).unsqueeze(-3) * decay
    return (weights @ x.transpose(-3, -2)).transpose(-3, -2)


def _cut(tensor: Tensor, chunks: int, size: int) -> Tensor:
    """`(b, l, ...)` to `(b, c, q, ...)`; zeros at the end neither fade nor fill a state."""
    missing = chunks * size - tensor.shape[1]
    padded = F.pad(tensor, (0, 0) * (tensor.dim() - 2) + (0, missing))
    return padded.unflatten(1, (chunks, size))


def _chunked(x: Tensor, faded: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """x `(b, c, q, h, p)`, faded `(b, c, q, h)` log decay from a chunk's start, B, C `(b, c, q, n)`."""
    to_end = (faded[:, :, -1:] - faded).exp().unsqueeze(-1)  # (b, c, q, h, 1)
    added = B.transpose(-1, -2) @ (x * to_end).flatten(-2)  # (b, c, n, h p): what each chunk adds to the state
    whole = faded[:, :, -1].exp().repeat_interleave(x.shape[-1], dim=-1).unsqueeze(2)  # (b, c, 1, h p)
    state, entering = torch.zeros_like(added[:, 0]), []
    for chunk in range(x.shape[1]):
        entering.append(state)
        state = whole[:, chunk] * state + added[:, chunk]
    carried = (C @ torch.stack(entering, dim=1)).unflatten(-1, x.shape[-2:])  # (b, c, q, h, p)
    return attend(x, faded, B, C) + carried * faded.exp().unsqueeze(-1)


def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Causal convolution of every channel for itself: x `(b, l, c)`, weight `(c, 1, k)`, bias `(c,)`.

    k shifted multiply-adds: a few columns need no other layout.
    """
    length, width = x.shape[1], weight.shape[-1]
    padded = F.pad(x, (0, 0, width - 1, 0))
    y = torch.addcmul(bias, padded[:, :length], weight[:, 0, 0])
    for lag in range(1, width):
        y = torch.addcmul(y, padded[:, lag : lag + length], weight[:, 0, lag])
    return y
