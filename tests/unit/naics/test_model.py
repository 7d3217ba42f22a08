"""lib.naics.model: one architecture from stage to stage, and a head whose points are where they should be."""

from dataclasses import asdict, fields

import pytest
import torch
from refusals import refused
from tiny_naics import SHAPE

from lib import checkpoint
from lib.naics import head as naics_head
from lib.naics import lorentz
from lib.naics import model as naics_model
from lib.naics.head import Head, Shape

OTHER = {
    "shared_encoder": True,
    "cut": 2,
    "r": 2,
    "lora_alpha": 16,
    "lora_dropout": 0.5,
    "fusion": "linear",
    "experts": 3,
    "top_k": 1,
    "expert_hidden": 4,
    "geometry": "euclidean",
    "dim": 8,
    "max_radius": 3.0,
    "curvature": 2.0,
    "learn_curvature": False,
    "temperature": 0.1,
    "target_modules": ("query", "value"),
}


@pytest.fixture(scope="module")
def saved(world, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "stage1.ckpt"
    naics_model.save(path, world.model(), {"stage": "stage1"})
    return path


# From stage to stage


def test_the_next_stage_starts_from_the_one_before(world, saved):
    tokenizer, base, model = naics_model.start(world.shape(), saved, seed=9)
    for name, weight in world.model().state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    assert tokenizer("a")["input_ids"] == world.tokenizer("a")["input_ids"]
    assert not any(weight.requires_grad for weight in base.parameters())


def test_every_knob_of_the_shape_is_tried_below():
    assert sorted(OTHER) == sorted({field.name for field in fields(Shape)} - {"encoder"})


@pytest.mark.parametrize("knob", sorted(OTHER))
def test_another_shape_is_refused_by_the_knobs_name(world, saved, knob):
    said = refused(naics_model.start, world.shape(**{knob: OTHER[knob]}), saved, seed=1)
    assert said == f"{saved}: has another {knob} than this stage, expected one model throughout"


def test_new_weights_are_a_function_of_the_seed(world):
    first, again, other = (naics_model.start(world.shape(), None, seed)[2].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(weight, again[name]) for name, weight in first.items())
    assert not all(torch.equal(weight, other[name]) for name, weight in first.items())


@pytest.mark.parametrize("change", OTHER, ids=lambda knob: knob)
def test_a_checkpoint_of_any_shape_loads_as_it_was(world, tmp_path, change):
    model = world.model(**{change: OTHER[change]})
    naics_model.save(tmp_path / "stage1.ckpt", model, {})
    loaded = naics_model.load(tmp_path / "stage1.ckpt")[2]
    assert loaded.shape == model.shape
    assert not loaded.training
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name


def test_a_checkpoint_holds_what_was_trained_and_not_the_base(world, saved):
    tensors, about = checkpoint.load(saved)
    assert not any("base_layer" in name for name in tensors)
    assert about["shape"] == asdict(world.shape())
    assert {name.split(".")[0] for name in tensors} == {"encoders", "head"}


# Foreign files


def test_row_8_a_foreign_checkpoint(tmp_path):
    checkpoint.save(tmp_path / "model.ckpt", {"x": torch.zeros(1)}, {"kind": "tickets"})
    said = refused(naics_model.load, tmp_path / "model.ckpt")
    assert said == f"{tmp_path / 'model.ckpt'}: kind 'tickets', expected 'naics'"


def test_a_checkpoint_whose_weights_do_not_fit_its_shape(saved, tmp_path):
    tensors, about = checkpoint.load(saved)
    tensors["head.log_temperature"] = torch.zeros(2)
    checkpoint.save(tmp_path / "model.ckpt", tensors, {key: about[key] for key in ("kind", "shape")})
    said = refused(naics_model.load, tmp_path / "model.ckpt")
    assert said == f"{tmp_path / 'model.ckpt'}: head.log_temperature is (2,), expected ()"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cut": None}, "shape: missing cut, expected encoder, shared_encoder, cut, "),
        ({"depth": 3}, "shape: unknown key 'depth', expected encoder, "),
    ],
)
def test_row_13_a_checkpoint_of_another_version(world, saved, tmp_path, changes, said):
    tensors, _ = checkpoint.load(saved)
    shape = {key: value for key, value in (asdict(world.shape()) | changes).items() if key not in changes or value}
    checkpoint.save(tmp_path / "model.ckpt", tensors, {"kind": "naics", "shape": shape})
    for load in (naics_model.load, naics_head.load):
        assert refused(load, tmp_path / "model.ckpt").startswith(f"{tmp_path / 'model.ckpt'}: {said}")


def test_row_13_a_checkpoint_without_a_shape(saved, tmp_path):
    checkpoint.save(tmp_path / "model.ckpt", checkpoint.load(saved)[0], {"kind": "naics"})
    said = refused(naics_model.load, tmp_path / "model.ckpt")
    assert said == f"{tmp_path / 'model.ckpt'}: missing shape, expected in every checkpoint of kind 'naics'"


# The head


@pytest.fixture
def head():
    torch.manual_seed(1)
    head = Head(SHAPE, 32)
    with torch.no_grad():
        for weight in head.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return head


def batch(n: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    present = (torch.rand(n, 4, generator=generator) < 0.7).float()
    return torch.nn.functional.normalize(torch.randn(n, 4, 32, generator=generator), dim=2), present


def test_points_lie_within_the_largest_radius_and_on_the_hyperboloid(head):
    points, _ = head(*batch())
    c = head.geometry.curvature
    radius = lorentz.logmap0(points, c).norm(dim=1)
    assert points.shape == (12, SHAPE.dim + 1)
    assert (radius > 0).all()
    assert (radius <= SHAPE.max_radius * (1 + 1e-12)).all()
    assert radius.std() > 0.01, "the radius depends on the input"
    assert lorentz.violation(points, c) <= 1e-5


def test_a_new_head_starts_at_half_the_largest_radius():
    points, _ = Head(SHAPE, 32)(*batch())
    radius = lorentz.logmap0(points, SHAPE.curvature).norm(dim=1)
    torch.testing.assert_close(radius, torch.full_like(radius, SHAPE.max_radius / 2), rtol=1e-6, atol=1e-6)


def test_what_stands_in_an_absent_channel_is_never_read(head):
    vectors, present = batch()
    absent = present.unsqueeze(-1) == 0
    assert torch.equal(head(vectors, present)[0], head(torch.where(absent, 99.0, vectors), present)[0])
    assert not torch.equal(head(vectors, present)[0], head(vectors, torch.ones_like(present))[0])


def test_an_absent_channel_has_a_vector_that_learns(head):
    vectors, present = batch()
    present[:, 2] = 1
    head(vectors, present)[0].square().sum().backward()
    assert head.empty.grad.abs().sum(1).gt(0).tolist() == [True, True, False, True]


def test_logits_are_distances_over_the_temperature_within_bounds(head):
    distances = torch.tensor([0.5, 2.0])
    with torch.no_grad():
        for temperature, used in ((0.07, 0.07), (1e-5, 0.01), (9.0, 1.0)):
            head.log_temperature.fill_(torch.tensor(temperature).log())
            torch.testing.assert_close(head.logits(distances), -distances / used)
