"""One training step's texts: encoding every text of the batch against encoding each distinct text once.

    PYTHONPATH=scripts python benchmarks/encode_once.py            (after snakemake results/naics/texts.safetensors)

The batch is that of the hard stage: anchors, positives and 16 negatives, four channels each, forward
and backward through the same adapters above the cut. Three ways, each measured in this run:

    every text         each slot's text through all layers, padded to the longest of its channel
    distinct           each distinct text once, unpadded, through all layers
    distinct, stored   the same, from stored states at the cut (the way training encodes)
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from lib import encoders
from lib.adapters import Lora
from lib.naics import bank, channels, curriculum, dataset, relations, triplets
from lib.provenance import environment

HARD = {1: 0.40, 2: 0.20, 3: 0.10, 4: 0.10, 5: 0.10, 6: 0.05, 8: 0.05}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("results/naics/data"))
    parser.add_argument("--texts", type=Path, default=Path("results/naics/texts.safetensors"))
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--cut", type=int, default=4)
    parser.add_argument("--anchors", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    data = dataset.load(args.data)
    _, base = encoders.load(args.encoder)
    frozen = bank.load(args.texts, data.texts, base, args.encoder, args.cut)
    slots = draw(data, args.anchors)
    torch.manual_seed(0)
    adapters = channels.ChannelEncoders(base, Lora(args.cut, 16, 32, 0.0), shared=False)
    stateless = bank.TextBank([bank.FrozenTexts(own.tokens) for own in frozen.channels], base, args.cut)
    ways = {
        "every text": lambda: every_text(frozen, adapters, slots),
        "distinct": lambda: distinct(stateless, adapters, slots),
        "distinct, stored": lambda: distinct(frozen, adapters, slots),
    }
    seconds = {name: cpu_seconds(way, args.repeats) for name, way in ways.items()}
    print(environment())
    print(f"{args.anchors} anchors, {sum(map(len, slots))} texts, {sum(len(np.unique(s)) for s in slots)} distinct")
    for name, took in seconds.items():
        rate = args.anchors * 16 / took
        print(f"{name:16} {took:7.2f} CPU s  {rate:8.1f} triplets/s  ratio {seconds['every text'] / took:.2f}")


def draw(data: dataset.Dataset, anchors: int) -> list[np.ndarray]:
    """For each channel the text rows of all slots of one batch, repeats included; examples cut to 4 a code."""
    related = relations.relate(data.taxonomy, data.exclusions.select("code", "target").rows())
    hard = curriculum.Curriculum((2, 3, 4, 5, 6), HARD, triplet_batch=anchors)
    drawn = triplets.ImplicitSource(related, hard, seed=1).batch(0)
    codes = np.concatenate([drawn.anchors, drawn.positives, drawn.negatives.ravel()])
    return [
        np.concatenate([channel.members[code].indices[:4] for code in codes]).astype(np.int64) for channel in data.texts
    ]


def every_text(texts: bank.TextBank, encode: channels.ChannelEncoders, slots: list[np.ndarray]) -> None:
    """The original's way: one padded batch a channel, in pieces of 256 rows to bound memory."""
    for channel, rows in enumerate(slots):
        tokens = texts.channels[channel].tokens
        longest = int(tokens.lengths[rows].max())
        for piece in np.array_split(rows, len(rows) // 256 + 1):
            ids = torch.zeros(len(piece), longest, dtype=torch.long)
            for at, row in enumerate(piece):
                own = tokens.batch(np.array([row]))[0]
                ids[at, : len(own)] = own
            encode(encoders.lower_states(texts.base, ids, texts.cut), channel).sum().backward()


def distinct(texts: bank.TextBank, encode: channels.ChannelEncoders, slots: list[np.ndarray]) -> None:
    for channel, rows in enumerate(slots):
        texts.encode(encode, channel, np.unique(rows)).sum().backward()


def cpu_seconds(way, repeats: int) -> float:
    """Median CPU time of a call: wall time means little on a shared machine."""
    took = []
    for _ in range(repeats):
        started = time.process_time()
        way()
        took.append(time.process_time() - started)
    return float(np.median(took))


if __name__ == "__main__":
    main()
