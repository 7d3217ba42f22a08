"""The little articles, made once for all tests here."""

from typing import Any

import pytest
import tiny_articles
from tiny_mamba_evaluation import KINDS, Evaluation
from tiny_mamba_training import World

from lib.mamba.payload import Payload
from lib.mamba.ranking import Bench


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("little-articles"))


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    """Thirty articles that drift from chunk to chunk."""
    return tiny_articles.load(tmp_path_factory.mktemp("drifting") / "payload")


@pytest.fixture(scope="session")
def bench(given: Payload) -> Bench:
    """Every question of their test articles."""
    return tiny_articles.of_split(given, "test")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """What an evaluation reads."""
    return Evaluation(tmp_path_factory.mktemp("mamba-evaluation"))


@pytest.fixture(scope="session")
def measured(world: Evaluation) -> dict[str, Any]:
    """The metrics.json of the original's command."""
    gates = ["--gate-contain50", 0.60, "--gate-eff5", 0.68, "--gate-r5", 0.40, "--gate-p95", 1.45]
    return world.evaluate(world.folder / "metrics.json", "--nprobe", 3, "--kinds", KINDS, *gates)
