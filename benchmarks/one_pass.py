"""How much faster a number is in one forward pass than in a generated answer: the same model, the same run.

    PYTHONPATH=scripts python benchmarks/one_pass.py --model results/correlation/tiny

The number: `CausalReader.read`, the expected value over all scores (of digits: ten branches of one cache). The answer:
prompt, number and as many tokens of reasoning as MAX_NEW_TOKENS, the original's 256, one after the other with a cache.
"""

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch

from lib.correlation import model
from lib.correlation.causal import CausalReader
from lib.correlation.evidence import gather

TITLES = ("Will the Democratic candidate win Ohio in 2024?", "Will the Republican candidate win Ohio in 2024?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a trained language model: tiny, or with LoRA")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    args = parser.parse_args()

    trained = model.load(args.model)
    reader = trained.reader
    assert isinstance(reader, CausalReader), f"{args.model}: no language model"
    seen = gather(trained.rag, trained.top_k, [TITLES[0]], [TITLES[1]])
    prompts = reader.inputs(seen)
    reader.grammar.close = int(reader.grammar.inside.int().argmin())  # a string that does not end early
    reader.grammar.inside[reader.grammar.close] = False

    number = seconds(lambda: reader.read(prompts), args.repeats)
    answer = seconds(lambda: reader.explain(seen, 0, 0.4, args.max_new_tokens), args.repeats)
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, medians of {args.repeats}")
    print(f"prompt of {len(reader.prefix) + len(prompts[0])} tokens, answer of {args.max_new_tokens}")
    print(f"number {1000 * number:.1f} ms, answer {1000 * answer:.1f} ms, ratio {answer / number:.1f}")


def seconds(work, repeats: int) -> float:
    """Median time of one call, after one that does not count."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
