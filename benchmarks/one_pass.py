"""How much faster a number is in one forward pass than in a generated answer: the same model, the same run.

    PYTHONPATH=scripts python benchmarks/one_pass.py --model results/correlation/tiny --data results/correlation/data

The number: `CausalReader.read`, the expected value over all scores (of digits: ten branches of one cache), of one order
of the titles and of both, as predictions take them: what both begin with is read once. The answer: prompt, number and
reasoning, one token after the other with a cache. Both begin with the cached prefix and take logits of the last
position only. Answers are as long as the median and the longest that training teaches, and as the original's
MAX_NEW_TOKENS.
"""

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lib.correlation import dataset, model, prompt
from lib.correlation.causal import CausalReader
from lib.correlation.evidence import gather

MAX_NEW_TOKENS = 256  # the original's
BAR = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a trained language model: tiny, or with LoRA")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_contracts.py")
    parser.add_argument("--top-k", type=int, nargs="+", help="neighbours in the prompt, instead of the model's own")
    parser.add_argument("--tokens", type=int, nargs="*", default=[16, 32, 64, 128], help="more lengths of the answer")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()

    trained, pairs = model.load(args.model), dataset.load(args.data)
    reader = trained.reader
    assert isinstance(reader, CausalReader), f"{args.model}: no language model"
    rows = pairs.rows("train")
    taught = list(map(len, reader.targets(pairs.correlations[rows], [pairs.reasonings[row] for row in rows])))
    usual, longest = int(np.median(taught)), max(taught)
    reader.grammar.close = int(reader.grammar.inside.int().argmin())  # a string that does not end early
    reader.grammar.inside[reader.grammar.close] = False

    machine = platform.processor() or platform.machine()
    print(f"{machine}, {torch.get_num_threads()} threads, CPU time of the fastest of {args.repeats} calls")
    print(f"answers of {len(taught)} training pairs: median {usual} tokens, longest {longest}")
    for top_k in args.top_k or [trained.top_k]:
        seen = gather(trained.rag, top_k, *pairs.asked(pairs.rows("validation")[:1]))
        prompts, both = reader.inputs(seen), reader.inputs(seen.both_orders())
        one, two = (seconds(lambda ids=ids: reader.read(ids), args.repeats) for ids in (prompts, both))
        whole = len(reader.tokenizer.encode(prompt.prompts(seen, reader.written)[0], add_special_tokens=False))
        building = seconds(lambda seen=seen: reader.inputs(seen), args.repeats)
        copying = seconds(reader._beginning, args.repeats)
        print(
            f"\n{top_k} neighbours: {len(reader.prefix)} tokens of prefix (cached), then {len(prompts[0])} of {whole}"
        )
        print(f"outside the model: prompt and tokens {1000 * building:.1f} ms, cache {1000 * copying:.1f} ms")
        print(f"number in one order {1000 * one:.1f} ms, in both {1000 * two:.1f} ms")
        print("| answer, tokens | ms | times one order | times both | bar |\n|---|---|---|---|---|")
        for tokens in sorted({usual, longest, MAX_NEW_TOKENS, *args.tokens}):
            answer = seconds(lambda: reader.explain(seen, 0, 0.4, tokens), args.repeats)  # noqa: B023
            reached = "reached" if answer >= BAR * one else "not reached"
            print(
                f"| {tokens} | {1000 * answer:.0f} | {answer / one:.1f} | {answer / two:.1f} | {reached} |", flush=True
            )


def seconds(work: Callable[[], object], repeats: int) -> float:
    """CPU time of the fastest call, after one that does not count: what else runs has little part in it."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
