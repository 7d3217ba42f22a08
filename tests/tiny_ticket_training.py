"""What training, evaluation and search of the little tickets need: data and pairs on disk, a random encoder."""

import json
import shlex
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import torch
from in_process import run
from tiny_naics import write_encoder
from tiny_tickets import write_data

from lib import config
from lib.compute import Compute
from lib.tickets import dataset, head, model, pairs, retention, saving
from lib.tickets.model import Shape, TicketEncoder
from lib.tickets.objective import Batches
from lib.tickets.pairs import Pairs
from lib.tickets.validation import Probe
from lib.training import Settings

MADE = {"--state": "state", "--history": "history.csv", "--out": "model"}  # what train_tickets.py writes
SHAPE = Shape("", 96, cut=1, r=4, lora_alpha=8, lora_dropout=0.0, matryoshka_dims=(768, 16, 8))


class World:
    """The little tickets, their pairs and an encoder; models made from them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = write_data(folder / "data")
        self.encoder = str(write_encoder(folder / "encoder"))
        self.pairs = folder / "pairs.json"
        run("build_ticket_pairs.py", "--data", self.data, "--per-phase", 12, "--out", self.pairs)

    @cached_property
    def tickets(self) -> dataset.Tickets:
        return dataset.load(self.data)

    @cached_property
    def given(self) -> Pairs:
        return pairs.read(self.pairs)

    def shape(self, **changes: object) -> Shape:
        return replace(SHAPE, **({"encoder": self.encoder} | changes))

    def fresh(self, **changes: object) -> tuple[object, TicketEncoder]:
        """(tokenizer, encoder) before training: the adapters change nothing yet."""
        tokenizer, encoder = model.start(self.shape(**changes), seed=1)
        rows = model.tokenize(tokenizer, self.tickets.texts, encoder.shape)
        turn = torch.from_numpy(head.principal_axes(model.encode(encoder.base, rows)))
        encoder.head = model.Head(turn, torch.linspace(-0.01, 0.01, len(turn)), 0.25)
        return tokenizer, encoder

    def moved(self, **changes: object) -> tuple[object, TicketEncoder]:
        """(tokenizer, encoder) as training leaves it."""
        tokenizer, encoder = self.fresh(**changes)
        torch.manual_seed(1)
        with torch.no_grad():
            for weight in encoder.parameters():
                if weight.requires_grad:
                    weight += 0.1 * torch.randn_like(weight)
        return tokenizer, encoder.eval()

    @cached_property
    def saved(self) -> Path:
        """The folder that train_tickets.py would write of a moved encoder."""
        (self.folder / "model").mkdir()
        saving.save(self.folder / "model", self.moved()[1], {"weight": 1.0})
        return self.folder / "model"

    def training(self, **changes: object) -> list[str]:
        """Flags of train_tickets.py, but for where it writes: six steps, a state after each."""
        settings = Settings(6, 0.01, seed=1, save_seconds=0, eval_steps=2)
        knobs: dict[str, object] = {"data": str(self.data), "pairs": str(self.pairs)}
        learnt = (Batches(batch_size=4), retention.Knobs(1.0, 4), head.Knobs(12, 0.2))
        for kind in (self.shape(), Compute(), settings, *learnt, Probe(24, 1.0)):
            knobs |= json.loads(json.dumps(asdict(kind)))  # tuples as lists
        return shlex.split(config.flags({"all": knobs | changes}, "all"))
