"""One Mamba-2 block on the CPU: matrix products against transformers' path, the same weights, forward and backward.

    PYTHONPATH=scripts python benchmarks/mamba_speed.py

Each line is one width and one length, batches of 32, CPU time of one thread, the best of several calls:

    ours           lib.mamba.mixer
    default        transformers' Mamba2 as it comes: chunks of 256, to which it pads a context of five
    fitted         the same with chunks no longer than the sequence
    sgemm          the block's two projections alone, forward and backward: what no scan can be faster than
    difference     the largest between the outputs of ours and default
"""

import argparse
import time
from collections.abc import Callable

import torch
from transformers import Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer
from transformers.utils import logging

from lib.mamba.mixer import Mixer, Sizes
from lib.provenance import environment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[384, 768])
    parser.add_argument("--lengths", type=int, nargs="+", default=[5, 100])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()

    torch.set_num_threads(1)
    logging.set_verbosity_error()
    print(environment())
    print("width length     ours  default   fitted    sgemm  default/ours  fitted/ours  ours/sgemm  difference")
    for width in args.widths:
        for length in args.lengths:
            measure(width, length, args.batch, args.repeats)


def measure(width: int, length: int, batch: int, repeats: int) -> None:
    torch.manual_seed(0)
    ours = Mixer(Sizes(width, d_state=128, d_conv=4, expand=2, headdim=64, chunk_size=128))
    default, fitted = (theirs(ours, chunk) for chunk in (256, min(length, 64)))
    x = torch.randn(batch, length, width)
    ways = {"ours": ours, "default": default, "fitted": fitted, "sgemm": lambda u: projections(ours, u)}
    took = {name: cpu_seconds(way, x, repeats) for name, way in ways.items()}
    difference = (ours(x) - default(x)).abs().max().item()
    seconds = " ".join(f"{took[name]:8.4f}" for name in ways)
    ratios = (took["default"] / took["ours"], took["fitted"] / took["ours"], took["ours"] / took["sgemm"])
    print(f"{width:5} {length:6} {seconds} {ratios[0]:13.1f} {ratios[1]:12.1f} {ratios[2]:11.2f} {difference:11.1e}")


def theirs(ours: Mixer, chunk_size: int) -> Mamba2Mixer:
    """The block of transformers with our weights."""
    sizes = ours.sizes
    config = Mamba2Config(
        hidden_size=sizes.d_model,
        state_size=sizes.d_state,
        num_heads=sizes.heads,
        head_dim=sizes.headdim,
        n_groups=1,
        num_hidden_layers=1,
        chunk_size=chunk_size,
    )
    block = Mamba2Mixer(config, 0)
    block.load_state_dict(ours.state_dict())
    return block


def projections(block: Mixer, u: torch.Tensor) -> torch.Tensor:
    return block.out_proj(block.in_proj(u)[..., : block.sizes.d_inner])


def cpu_seconds(way: Callable, x: torch.Tensor, repeats: int) -> float:
    """Least CPU time of a call and its gradient: wall time means little on a shared machine."""
    took = []
    for _ in range(repeats):
        given = x.clone().requires_grad_()
        started = time.process_time()
        way(given).sum().backward()
        took.append(time.process_time() - started)
    return min(took)


if __name__ == "__main__":
    main()
