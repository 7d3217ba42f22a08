"""Every pipeline's training in bf16 on a device: the first loss is that of fp32 on the CPU.

The same tests run on the CPU: all of the code but the kernels.
"""

import csv
import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from in_process import places, run
from tiny_correlation_training import World as Correlation
from tiny_mamba_training import World as Mamba
from tiny_naics import World as Naics
from tiny_ticket_training import World as Tickets

from lib import index, vectors
from lib.compute import Compute
from lib.index import Index
from lib.provenance import SCRIPTS as SCRIPT_FOLDER

TRAININGS = {
    "naics": (Naics, "train_naics_stage.py", {"--memory": "memory"}),
    "tickets": (Tickets, "train_tickets.py", {}),
    "mamba": (Mamba, "train_mamba_contrastive.py", {"--epochs-out": "epochs.json", "--smoke-out": "smoke.json"}),
    "correlation": (Correlation, "train_correlation.py", {}),
}
# The default reader of contracts encodes once, in fp32: a small language model then.
LANGUAGE = {"model": "tiny", "max_length": 160, "limit": 12, "per_device_train_batch_size": 4, "eval_steps": 0}
LANGUAGE |= {"num_train_epochs": 1}
KNOBS = {"correlation": LANGUAGE}
CLOSE = 0.03  # relative: bf16 has 8 bits


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> str:
    return request.param


@pytest.fixture(scope="module", params=TRAININGS)
def pipeline(request, tmp_path_factory):
    """`train(folder, **knobs)` of one pipeline: its losses."""
    world, script, more = TRAININGS[request.param]
    own = KNOBS.get(request.param, {})
    given = world(tmp_path_factory.mktemp(request.param) / "world")

    def train(folder: Path, **knobs: object) -> list[float]:
        made = {"--state": "state", "--history": "history.csv", "--out": "model", **more}
        folder.mkdir()
        run(script, *given.training(**own, **knobs), *places(folder, made))
        with (folder / "history.csv").open() as file:
            return [float(row["loss"]) for row in csv.DictReader(file)]

    return train


def test_bf16_on_a_device_learns_what_fp32_on_the_cpu_does(pipeline, device, tmp_path):
    exact, rough = pipeline(tmp_path / "exact"), pipeline(tmp_path / "rough", device=device, precision="bf16")
    assert len(rough) == len(exact)
    assert rough[0] == pytest.approx(exact[0], rel=CLOSE)
    assert rough != exact, "precision bf16 changes nothing"


def test_attention_is_torchs_own_and_agrees_with_the_plain_one(device):
    """SDPA: flash or memory-efficient kernels where the device has them."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 50}
    fast, plain = (BertModel(BertConfig(**sizes, attn_implementation=how)).eval() for how in ("sdpa", "eager"))
    plain.load_state_dict(fast.state_dict())
    ids, mask = torch.randint(50, (3, 17)), torch.ones(3, 17, dtype=torch.long)
    mask[1, 9:] = 0
    with torch.no_grad():
        ours, theirs = (model.to(device)(ids.to(device), mask.to(device)).last_hidden_state for model in (fast, plain))
    torch.testing.assert_close(ours[mask.bool()], theirs[mask.bool()], rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat"])
def test_an_index_built_on_the_gpu_finds_what_one_of_the_cpu_does(tmp_path, factory):
    xb = np.random.default_rng(1).normal(size=(2000, 16)).astype(np.float32)
    vectors.save(tmp_path / "points", xb, [str(row) for row in range(len(xb))], {})
    for name in ("cpu", "cuda"):
        index.build(tmp_path / "points", factory, "l2", tmp_path / name, device=name)
    nprobe = 16 if "IVF" in factory else None
    found, truth = (Index(tmp_path / name, nprobe).search(xb[:50], 10)[1] for name in ("cuda", "cpu"))
    assert np.mean([len(np.intersect1d(one, other)) / 10 for one, other in zip(found, truth)]) > 0.999


def test_the_benchmark_measures_and_writes_its_page(device):
    """Small sizes: that it runs and tells figures, not what they are."""
    gpu = benchmark("gpu")
    machine = Compute(device, "bf16")
    rows = [gpu.block(machine, 64, 2, 5), gpu.attention(machine, 2, 2, 8)]
    assert all(row.ours > 0 and row.theirs > 0 and row.flops > 0 for row in rows)
    page = gpu.page("this device", rows, gpu.rate(machine, 64)).splitlines()
    assert [line.count("|") for line in page if line.startswith("|")] == [7] * 4


def benchmark(name: str) -> ModuleType:
    """A script of benchmarks/, with those it takes from its neighbours."""
    sys.path.insert(0, str(SCRIPT_FOLDER.parent / "benchmarks"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)
