"""The configuration, at every scale, is what training takes, and the original's numbers are the original's."""

from pathlib import Path

import pytest
import yaml

from lib import config
from lib.correlation.base import Shape
from lib.correlation.encoder import Head
from lib.correlation.losses import Loss
from lib.correlation.objective import Plan
from lib.correlation.tuning import Search

CONFIG = Path(__file__).resolve().parents[3] / "config"
KINDS = (Shape, Head, Loss, Plan)


def knobs(*names: str) -> dict[str, dict]:
    blocks: dict[str, dict] = {}
    for name in names:
        given = yaml.safe_load((CONFIG / name).read_text())["correlation"]
        for block in ("model", "head", "train"):
            blocks[block] = blocks.get(block, {}) | given.get(block, {})
    return blocks


@pytest.mark.parametrize("over", [[], ["full.yaml"], ["seed.yaml"]], ids=["default", "full", "seed"])
def test_every_knob_is_a_flag_of_training(over):
    merged = {key: value for block in knobs("correlation.yaml", *over).values() for key, value in block.items()}
    fields = {field for kind in KINDS for field in kind.__dataclass_fields__}
    assert set(merged) <= fields
    assert set(merged) | {"seed", "save_seconds"} == fields
    assert config.flags({"all": merged}, "all")


@pytest.mark.parametrize("over", [[], ["full.yaml"], ["seed.yaml"]], ids=["default", "full", "seed"])
def test_all_that_is_tried_can_be_trained(over):
    tried: dict[str, list] = {}
    for name in ("correlation.yaml", *over):
        tried |= yaml.safe_load((CONFIG / name).read_text())["correlation"]["tune"]["tried"]
    trials = Search(tried).trials(Head(), Loss(), Plan())
    assert all(trial.loss.regression_loss_weight > 0 for trial in trials), "the hybrid stays one"
    if "seed.yaml" in over:
        blocks = knobs("correlation.yaml", *over)
        train = blocks["head"] | blocks["train"]
        assert [trial.knobs for trial in trials] == [{name: train[name] for name in tried}], "the original's, unchosen"


def test_the_originals_numbers():
    train = knobs("correlation.yaml", "seed.yaml")["train"]
    model = knobs("correlation.yaml", "full.yaml")["model"]
    assert (train["num_train_epochs"], train["per_device_train_batch_size"], train["learning_rate"]) == (3, 4, 2e-4)
    assert (train["regression_loss_weight"], train["regression_loss_type"], train["rag_top_k"]) == (10.0, "mse", 5)
    assert (model["lora_r"], model["lora_alpha"], model["use_4bit"]) == (16, 32, True)
    assert model["model"] == "meta-llama/Llama-3.1-8B-Instruct"
