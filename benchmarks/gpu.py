"""On one GPU: the Mamba-2 block and attention against peers, and the share of the device that is used.

    PYTHONPATH=scripts python benchmarks/gpu.py --out docs/gpu.md

A figure is the median wall time of a step, forward and backward in bf16, the device waited for before and after. Peers
have the same weights and inputs: transformers' Mamba2 block, attention written out. The share is the rate of the step's
matrix products against that of one large product in the same process.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from mamba_speed import theirs as block_of_transformers

from lib.compute import Compute
from lib.files import write_text
from lib.mamba.mixer import Mixer, Sizes
from lib.provenance import environment

REPEATS = 20
Call = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Row:
    """One line of the table: milliseconds of a step, and the operations of its matrix products."""

    what: str
    ours: float
    peer: str
    theirs: float
    flops: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the page")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print(f"no CUDA device here: nothing measured, {args.out} not written")
        return
    machine = Compute("cuda", "bf16")
    rows = [block(machine, 768, 128, length) for length in (5, 100, 512)]
    rows += [attention(machine, 64, 12, length) for length in (128, 512)]
    write_text(args.out, page(torch.cuda.get_device_name(), rows, rate(machine, 8192)))


def block(machine: Compute, width: int, batch: int, length: int) -> Row:
    """One Mamba-2 block: kernels on a GPU, matrix products on the CPU."""
    torch.manual_seed(0)
    ours = Mixer(Sizes(width, d_state=128, d_conv=4, expand=2, headdim=64, chunk_size=128))
    theirs = block_of_transformers(ours, min(length, 64)).to(machine.device)
    x = torch.randn(batch, length, width, device=machine.device)
    flops = 6.0 * batch * length * (ours.in_proj.weight.numel() + ours.out_proj.weight.numel())
    took = [milliseconds(machine, way, x) for way in (ours.to(machine.device), theirs)]
    return Row(f"Mamba-2 block, d {width}, length {length}, batch {batch}", took[0], "transformers", took[1], flops)


def attention(machine: Compute, batch: int, heads: int, length: int) -> Row:
    """Attention of `heads` heads of 64 by torch's own kernels, which the encoders use."""
    torch.manual_seed(0)
    x = torch.randn(batch, heads, length, 64, device=machine.device, dtype=torch.bfloat16)
    took = [milliseconds(machine, way, x) for way in (lambda q: F.scaled_dot_product_attention(q, q, q), plain)]
    return Row(f"attention, length {length}, batch {batch}", took[0], "written out", took[1], 12.0 * x.numel() * length)


def plain(q: torch.Tensor) -> torch.Tensor:
    return (q @ q.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1) @ q


def milliseconds(machine: Compute, way: Call, x: torch.Tensor) -> float:
    """Median of a step; the first few are not counted."""
    wait = torch.cuda.synchronize if machine.device.startswith("cuda") else lambda: None
    took = []
    for _ in range(REPEATS + 3):
        given = x.clone().requires_grad_()
        wait()
        started = time.perf_counter()
        with machine.autocast():
            found = way(given)
        found.float().sum().backward()
        wait()
        took.append(1e3 * (time.perf_counter() - started))
    return statistics.median(took[3:])


def rate(machine: Compute, n: int) -> float:
    """Operations a second of one product of n x n matrices, forward and backward."""
    x = torch.randn(n, n, device=machine.device, dtype=torch.bfloat16)
    return 6 * n**3 / (1e-3 * milliseconds(machine, lambda a: a @ a, x))


def page(device: str, rows: list[Row], peak: float) -> str:
    """The page, in Markdown."""
    lines = [
        "# On a GPU",
        "",
        f"{device}, {environment()}",
        "",
        f"One large product in bf16: {peak / 1e12:.1f} TFLOP/s. Written by `make test-gpu`.",
        "",
        "| step, forward and backward, bf16 | ms | peer | its ms | ratio | share of the large product's rate |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        share = row.flops / (1e-3 * row.ours) / peak
        ratio = row.theirs / row.ours
        lines.append(f"| {row.what} | {row.ours:.2f} | {row.peer} | {row.theirs:.2f} | {ratio:.2f} | {share:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
