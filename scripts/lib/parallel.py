"""Several processes train one model as if they were one; torchrun starts them.

A contrastive loss looks at the whole batch, but nearly all of a step's work is encoding its texts. So each
process encodes a share of the texts, vectors are gathered, and every process computes the same loss on
all of them: negatives, expert loads and whatever else looks at a batch see the global one, and know
nothing of processes. Of a parameter's gradient a process then has

    behind the vectors   all of it, the same in every process
    before the vectors   what its own texts add, which is scaled by the number of processes

and in both cases the mean over the processes is what a single one would have computed.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

Rows = NDArray[np.integer]
Encode = Callable[[Rows], Tensor]


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this process is, from 0."""
    return int(os.environ.get("RANK", "0"))


def leads() -> bool:
    """Whether this process writes and logs; the others only compute."""
    return rank() == 0


@contextlib.contextmanager
def joined(device: str) -> Iterator[None]:
    """The process group of this run, gloo between CPUs and NCCL between GPUs; nothing for a single process."""
    if world() == 1:
        yield
        return
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def in_order(parts: Sequence[Tensor], batches: Sequence[Rows]) -> Tensor:
    """Vectors of batches, `(b, d)` each, in the order of their rows: `(n, d)`, the batches parting 0..n-1."""
    back = np.argsort(np.concatenate(batches), kind="stable")
    return torch.cat(list(parts))[torch.from_numpy(back)]


def spread(encode: Encode, batches: Sequence[Rows]) -> Tensor:
    """Vectors `(n, d)` of `batches`, which part the rows 0..n-1; each batch is encoded by one process."""
    draws = Draws(len(batches))
    parts = [draws.seeded(at, encode, batches[at]) for at in mine(batches)]
    draws.end()
    return gathered(parts, batches)


def mine(batches: Sequence[Rows]) -> range:
    """Numbers of the batches that this process encodes."""
    return range(rank(), len(batches), world())


def gathered(parts: Sequence[Tensor], batches: Sequence[Rows]) -> Tensor:
    """All processes' vectors in the order of their rows, `(n, d)`, from those of this process' own batches.

    A row may also hold a sequence of vectors, `(n, l, d)`.
    """
    if world() == 1:
        return in_order(parts, batches)
    nothing = torch.empty(0, *_shape(parts), device=_device(), requires_grad=True)  # a graph also without a batch
    own = torch.cat([nothing, *parts])
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(batches[at] for at in mine(batches))])
    return _Gather.apply(own, torch.from_numpy(rows), sum(map(len, batches)))


def _shape(parts: Sequence[Tensor]) -> list[int]:
    """Of a row, in every process, also in one that has no batch: `[d]` or `[l, d]`."""
    shape = list(parts[0].shape[1:]) if parts else []
    sizes = torch.tensor(shape + [0] * (2 - len(shape)), device=_device())
    dist.all_reduce(sizes, dist.ReduceOp.MAX)
    return [size for size in sizes.tolist() if size]


class _Gather(torch.autograd.Function):
    """Own rows `(m, ...)` to everybody's `(n, ...)`; back come the own rows' gradients, scaled as the module says."""

    @staticmethod
    def forward(ctx, own: Tensor, rows: Tensor, n: int) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(rows)
        every = own.new_zeros(n, *own.shape[1:])
        every[rows] = own
        dist.all_reduce(every)
        return every

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (rows,) = ctx.saved_tensors
        return gradient[rows] * world(), None, None


class Draws:
    """Seeds of a step's batches, so that what a random layer draws depends on the batch and not on who encodes it."""

    def __init__(self, batches: int) -> None:
        self.seeds = torch.randint(2**62, (batches + 1,)).tolist()

    def seeded(self, at: int, encode: Encode, rows: Rows) -> Tensor:
        torch.manual_seed(self.seeds[at])
        return encode(rows)

    def end(self) -> None:
        """Bring every process' stream to the same place."""
        torch.manual_seed(self.seeds[-1])


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """The mean over all processes, in place; a parameter that has no gradient anywhere keeps none."""
    if world() == 1:
        return
    trained = list(parameters)
    touched = torch.tensor([parameter.grad is not None for parameter in trained], dtype=torch.int32, device=_device())
    dist.all_reduce(touched, dist.ReduceOp.MAX)
    moved = [parameter for parameter, some in zip(trained, touched.tolist()) if some]
    grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in moved]
    flat = torch.cat([grad.flatten() for grad in grads])
    dist.all_reduce(flat)
    for parameter, grad, mean in zip(moved, grads, (flat / world()).split([grad.numel() for grad in grads])):
        parameter.grad = mean.view_as(grad)


def total(value: Tensor) -> float:
    """The sum of a scalar over all processes."""
    if world() == 1:
        return value.item()
    own = value.to(_device(), torch.float64)
    dist.all_reduce(own)
    return own.item()


def heard(signals: Sequence[str]) -> str | None:
    """The first signal, in every process as soon as one has it: a signal may reach only one of them."""
    own = signals[0] if signals else None
    return (own or "another process") if total(torch.tensor(len(signals))) else None


def _device() -> str:
    """Where the group's own small tensors lie."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
