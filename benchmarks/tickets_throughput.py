"""Training throughput: our loop against sentence-transformers' own trainer, on the same pairs, model and batches.

    pip install -r envs/benchmarks.txt          (datasets: the trainer needs it, nothing else here does)
    PYTHONPATH=scripts python benchmarks/tickets_throughput.py     (after snakemake results/tickets/pairs.json)

Both start from the same encoder with LoRA through peft on all linear layers above the cut, minimise Matryoshka
over MultipleNegativesRanking with the hard negative as third column, and take the same batches in the same
order with AdamW. Ours encodes each distinct text of a batch once, in batches of one length without padding, and
ranks from every text of the batch rather than from the anchors alone. Nothing is held of the base.
"""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses
from torch.utils.data import BatchSampler, SequentialSampler

from lib import encoders, training
from lib.compute import Compute
from lib.provenance import environment
from lib.state import StateFolder
from lib.tickets import frozen, model, pairs
from lib.tickets.model import Shape
from lib.tickets.objective import Batches, Objective, columns
from lib.tickets.sampler import Phase, Sampler

DIMS = (768, 512, 256, 128, 64)
CUT = 3  # as config/tickets.yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, default=Path("results/tickets/pairs.json"))
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--max-length", type=int, default=96)
    parser.add_argument("--cut", type=int, default=CUT, help="lower layers without adapters")
    parser.add_argument("--batch-size", type=int, default=48)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    given = pairs.read(args.pairs)
    shape = Shape(args.encoder, args.max_length, args.cut, 16, 32, 0.0, DIMS)
    sampler = Sampler(given.groups, given.phases, "shuffled", args.batch_size, args.steps, seed=1)
    taken = some(given, np.concatenate([sampler.batch(step) for step in range(args.steps)]))
    size = len(taken) // args.steps
    took: dict[str, list[float]] = {"ours": [], "sentence-transformers": []}
    for repeat in range(args.repeats + 1):  # by turns, so that a busy machine slows both; the first warms up
        seconds = ours(taken, shape, size, args), theirs(taken, shape, size, args)
        for name, own in zip(took, seconds if repeat else ()):
            took[name].append(own)
    n = len(taken)
    print(environment())
    for name, seconds in took.items():
        print(f"{name:22} {np.median(seconds):7.2f} CPU s  {n / np.median(seconds):8.1f} pairs/s")
    ratios = [b / a for a, b in zip(took["ours"], took["sentence-transformers"])]
    single = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"ratio {np.median(ratios):.2f} (single runs {single}), {args.steps} steps of {size} pairs")


class InOrder:
    """The sampler's batches again, one after the other: the pairs that are taken, without drawing."""

    def __init__(self, size: int) -> None:
        self.size = size

    def batch(self, step: int) -> np.ndarray:
        return np.arange(step * self.size, (step + 1) * self.size)

    def phase(self, step: int) -> Phase:
        rows = self.batch(step)
        return Phase("all", 0, step + 1, rows, rows, rows)


def some(given: pairs.Pairs, rows: np.ndarray) -> pairs.Pairs:
    texts = [[column[row] for row in rows] for column in (given.anchors, given.positives, given.negatives)]
    return pairs.Pairs(*texts, given.groups[rows], given.phases[rows])


def ours(given: pairs.Pairs, shape: Shape, size: int, args) -> float:
    """CPU seconds of the steps, tokenizing and lower layers included: wall time means little on a shared machine."""
    tokenizer, encoder = model.start(shape, seed=1)
    settings = training.Settings(args.steps, 1e-3, seed=1, save_seconds=1e9)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        drawn = columns(given)
        texts = frozen.freeze(encoder, tokenizer, drawn.texts)
        goal = Objective(texts, drawn, InOrder(size), Batches(size), Compute())
        training.fit(encoder, goal.backward, settings, StateFolder("ours", Path(folder) / "state"))
        return time.process_time() - started


def theirs(given: pairs.Pairs, shape: Shape, size: int, args) -> float:
    """The same by SentenceTransformerTrainer, with the model's own way of adding adapters."""
    whole = SentenceTransformer(encoders.locate(shape.encoder), device="cpu")
    whole.max_seq_length = shape.max_length
    above = list(range(shape.cut, whole[0].auto_model.config.num_hidden_layers))
    linear = r".*\.layer\.({})\..*\.(query|key|value|dense)".format("|".join(map(str, above)))
    whole.add_adapter(LoraConfig(r=shape.r, lora_alpha=shape.lora_alpha, target_modules=linear))
    dataset = Dataset.from_dict({"anchor": given.anchors, "positive": given.positives, "negative": given.negatives})
    loss = losses.MatryoshkaLoss(
        whole, losses.MultipleNegativesRankingLoss(whole), list(model.fitting(DIMS, whole.get_embedding_dimension()))
    )
    with tempfile.TemporaryDirectory() as folder:
        how = SentenceTransformerTrainingArguments(
            folder, per_device_train_batch_size=size, max_steps=args.steps, learning_rate=1e-3, use_cpu=True,
            save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
            batch_sampler=lambda dataset, batch_size, **_: BatchSampler(SequentialSampler(dataset), batch_size, True),
        )  # fmt: skip
        trainer = SentenceTransformerTrainer(whole, how, train_dataset=dataset, loss=loss)
        started = time.process_time()
        with contextlib.redirect_stdout(None):
            trainer.train()
        return time.process_time() - started


if __name__ == "__main__":
    torch.set_num_threads(environment()["threads"])
    main()
