"""What an evaluation of next passages reads, as the real scripts make it of the little articles."""

from pathlib import Path

import tiny_articles
from in_process import run

from lib import files
from lib.mamba import payload

KINDS = '["Flat", "IVF{nlist},Flat", "IVF{nlist},SQ8,RFlat"]'
TOWERS = ["--steps", 3, "--learning-rate", 0.01, "--rank", 4, "--batch-size", 16, "--seed", 1]


class Evaluation:
    """A payload, a model that averages, baselines, index and windows, as the chain makes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.payload = tiny_articles.write_payload(folder / "payload")
        self.given = payload.load(self.payload)
        self.model = tiny_articles.write_model(folder / "s.ckpt", self.given)
        places = ["--payload", self.payload, "--state", folder / "state", "--out", folder / "baselines.ckpt"]
        run("fit_baselines.py", *places, *TOWERS)
        self.index = self._indexed()
        for split in ("validation", "test", "train"):
            run("export_windows.py", "--payload", self.payload, "--split", split, "--out", folder / f"{split}.npz")

    def _indexed(self) -> Path:
        passages, queries, out = (self.folder / f"index.{part}" for part in ("passages", "queries", "faiss"))
        places = ["--checkpoint", self.model, "--payload", self.payload, "--queries", queries, "--out", passages]
        run("embed_passages.py", *places)
        tuned = ["--queries", queries, "--factory", "IVF{nlist},SQfp16", "--nlist", "[2, 8]", "--k", 20]
        run("build_faiss_index.py", "--vectors", passages, *tuned, "--out", out)
        return out

    def evaluate(self, out: Path, *more: object, **changes: object) -> dict:
        folder = self.folder
        places = {"eval-npz": folder / "test.npz", "faiss": self.index, "baselines": folder / "baselines.ckpt"}
        places |= {"checkpoint": self.model, "payload": self.payload, "device": "cpu", "limit": 5244, "out": out}
        flags = [word for flag, value in (places | changes).items() for word in (f"--{flag}", value)]
        run("eval_unified.py", "mamba", *flags, "--timed", 5, *more)
        return files.read_json(out)


def entry(measured: dict, metric: str, slice_name: str) -> dict:
    (found,) = (own for own in measured["metrics"] if (own["metric"], own["slice"]) == (metric, slice_name))
    return found
