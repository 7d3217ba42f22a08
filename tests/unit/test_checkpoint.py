"""lib.checkpoint: bytes in, the same bytes out, or a refusal."""

import pytest
import safetensors.torch
import torch
from refusals import refused
from torch import nn

from lib import checkpoint
from lib.errors import BadInput

TENSORS = {
    "half": torch.randn(3, 4).to(torch.bfloat16),
    "transposed": torch.arange(12.0).view(3, 4).T,
    "scalar": torch.tensor(7),
    "empty": torch.zeros(0, 5),
    "flags": torch.tensor([True, False]),
}
ABOUT = {
    "config": {"levels": {2: 0.1, 10: 1e-5}},
    "history": [{"loss": 0.1 + 0.2}],
    "shape": (1, 2),
    "name": "caf\u00e9",
}


@pytest.fixture
def path(tmp_path):
    checkpoint.save(tmp_path / "a.ckpt", TENSORS, ABOUT)
    return tmp_path / "a.ckpt"


def test_everything_comes_back(path):
    tensors, about = checkpoint.load(path)
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert about["config"] == {"levels": {"2": 0.1, "10": 1e-5}}
    assert (about["history"], about["shape"], about["name"]) == ([{"loss": 0.1 + 0.2}], [1, 2], "caf\u00e9")
    assert checkpoint.read_metadata(path) == about
    assert list(about)[:4] == list(ABOUT), "history.csv takes its columns' order from here"


def test_the_same_arguments_give_the_same_bytes(path, tmp_path):
    checkpoint.save(tmp_path / "b.ckpt", dict(reversed(TENSORS.items())), ABOUT)
    assert (tmp_path / "b.ckpt").read_bytes() == path.read_bytes()


def test_the_caller_keeps_its_tensors_and_words(tmp_path):
    weight = nn.Parameter(torch.ones(2, requires_grad=True))
    about = {"a": 1}
    checkpoint.save(tmp_path / "a.ckpt", {"weight": weight}, about)
    assert about == {"a": 1}
    assert weight.requires_grad


def test_others_can_read_it(path):
    assert path.stat().st_mode & 0o444 == 0o444


def test_what_a_reader_expects_is_named_when_it_is_not_there(path):
    checkpoint.save(path, TENSORS, {"kind": "a", "shape": {}})
    assert refused(checkpoint.load, path, "b") == f"{path}: kind 'a', expected 'b'"
    said = f"{path}: missing names, expected in every checkpoint of kind 'a'"
    assert refused(checkpoint.load, path, "a", ["shape", "names"]) == said
    assert checkpoint.load(path, "a", ["shape"])[1]["shape"] == {}


@pytest.mark.parametrize("length", [0, 5, 8, 100, -1])
def test_a_file_cut_short_is_said(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BadInput, match=r"a.ckpt: damaged or cut short"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (None, "not a checkpoint of this workflow"),
        ({"format": "pt"}, "not a checkpoint of this workflow"),
        ({"sluice": "{"}, "metadata is not JSON"),
        ({"sluice": "[]"}, "schema None, expected 1"),
        ({"sluice": '{"schema": 2}'}, "schema 2, expected 1"),
        ({"sluice": '{"schema": 1}'}, "content differs from its sha256"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, metadata, said):
    safetensors.torch.save_file({"a": torch.zeros(2)}, tmp_path / "a.ckpt", metadata)
    with pytest.raises(BadInput, match=f"a.ckpt: {said}"):
        checkpoint.load(tmp_path / "a.ckpt")


def test_no_file_no_checkpoint(tmp_path):
    with pytest.raises(BadInput, match="no such checkpoint"):
        checkpoint.load(tmp_path / "a.ckpt")


def test_an_optimizer_goes_on_as_if_nothing_had_happened(tmp_path):
    def trained(steps, optimizer, model):
        for step in range(steps):
            optimizer.zero_grad()
            (model(torch.full((1, 3), 1.0 + step)) ** 2).sum().backward()
            optimizer.step()

    models = [nn.Linear(3, 2) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    first, second = (torch.optim.AdamW(model.parameters(), 0.1) for model in models)
    trained(5, first, models[0])
    checkpoint.save(tmp_path / "o", checkpoint.optimizer_tensors(first), {})
    models[1].load_state_dict(models[0].state_dict())
    checkpoint.restore_optimizer(second, checkpoint.load(tmp_path / "o")[0])
    trained(5, first, models[0])
    trained(5, second, models[1])
    assert torch.equal(models[0].weight, models[1].weight)


def test_weights_and_buffers_come_back_and_what_does_not_fit_is_named():
    module, other = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    module(torch.randn(8, 3))
    stored = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    checkpoint.restore(other, stored, "x.ckpt")
    assert all(torch.equal(tensor, stored[name]) for name, tensor in other.state_dict().items())
    changed = stored | {"running_mean": torch.zeros(2)}
    fewer = {name: stored[name] for name in stored if name != "weight"}
    assert refused(checkpoint.restore, other, changed, "x.ckpt") == "x.ckpt: running_mean is (2,), expected (3,)"
    assert refused(checkpoint.restore, other, fewer, "x.ckpt") == "x.ckpt: weight is nothing, expected (3,)"
