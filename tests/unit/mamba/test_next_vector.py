"""The model as a predictor: what it is before training, what it sees, and what of it a checkpoint keeps."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from refusals import refused
from tiny_mamba_training import SHAPE, D, drifting

from lib import checkpoint
from lib.mamba import body, memory, model, predictor
from lib.mamba.attention import AttentionMixture, LocalAttention, running_mean
from lib.mamba.memory import Memory
from lib.mamba.mixer import Sizes

VARIANTS = {"s": 2, "h": 4, "sandwich": 4, "amn": 1}
SIZES = Sizes(16, 8, 4, 2, 8, chunk_size=8)


@pytest.fixture(scope="module")
def article() -> torch.Tensor:
    return torch.from_numpy(drifting(1, 11, seed=3)[0])


def moved(network):
    """A model as training leaves it: no weight is at its start."""
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return network.eval()


def test_before_training_it_is_the_recency_mean(little, article):
    network = little.model(buckets=0, search="vectors")
    weights = model.DECAY ** torch.arange(5.0)
    last = F.normalize(sum(weight * article[5 - lag] for lag, weight in enumerate(weights)), dim=0)
    expected = F.normalize(last + model.MEAN * F.normalize(article[:6].mean(dim=0), dim=0), dim=0)
    assert torch.allclose(network.queries(article[None, :6])[0], expected, atol=1e-6)
    assert torch.equal(network.documents(article), article)


def test_before_training_the_towers_change_nothing(little, article):
    plain, towers = little.model(buckets=0, search="vectors"), little.model(buckets=0)
    assert torch.equal(towers.queries(article[None]), F.pad(plain.queries(article[None]), (0, 1), value=1.0))
    assert torch.allclose(towers.documents(article), F.pad(article, (0, 1)), atol=1e-6)


@pytest.mark.parametrize("search", ["vectors", "towers", "head"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_one_pass_over_an_article_is_a_query_after_each_prefix(little, article, variant, search):
    network = moved(little.model(variant=variant, n_layers=VARIANTS[variant], search=search))
    each = torch.cat([network.queries(article[None, :end]) for end in range(1, len(article) + 1)])
    whole = network.space.query(network.predict(article[None]))[0]
    assert torch.allclose(whole, each[:, : network.indexed], atol=1e-5)


def test_a_window_sees_no_further(little, article):
    network = moved(little.model(context=4))
    other = article.clone()
    other[:5] = other[:5].flip(0)
    assert torch.equal(network.queries(other[None, :9]), network.queries(article[None, :9]))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_future_has_no_part(variant):
    torch.manual_seed(0)
    network = body.build(variant, VARIANTS[variant], SIZES, dropout=0.0)
    x = torch.randn(2, 20, 16)
    later = x.clone()
    later[:, 12:] = torch.randn(2, 8, 16)
    assert torch.allclose(network(x)[:, :12], network(later)[:, :12], atol=1e-5)
    assert not torch.allclose(network(x)[:, 12:], network(later)[:, 12:], atol=1e-1)


def test_the_predicted_vector_has_length_1(little, article):
    network = moved(little.model())
    assert torch.allclose(network.next_vectors(article[None]).norm(dim=1), torch.ones(1), atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "layers", "plan"),
    [
        ("s", 3, "mmm"),
        ("h", 8, "mmmmammmma"),
        ("sandwich", 8, "aammmmaa"),
        ("sandwich", 3, "ama"),
    ],
)
def test_the_layers_of_the_variants(variant, layers, plan):
    assert body.plan(variant, layers) == plan


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variant": "x"}, "mamba.model.variant: 'x', expected one of s, h, sandwich, amn"),
        ({"variant": "sandwich", "n_layers": 2}, "mamba.model.n_layers: 2 are no sandwich, expected at least 3"),
        (
            {"variant": "h", "n_layers": 3},
            "mamba.model.n_layers: 3 have no attention after the fourth, expected at least 4",
        ),
        ({"headdim": 5}, "mamba.model.headdim: 5 does not divide d_model 16"),
        ({"buckets": 60}, "mamba.model.buckets: 60, expected a square number"),
        ({"search": "x"}, "mamba.model.search: 'x', expected one of vectors, towers, head"),
    ],
)
def test_row_19_a_shape_that_cannot_be(little, changes, said):
    assert refused(little.model, **changes) == said


def test_local_attention_against_attention_written_out():
    torch.manual_seed(0)
    layer, x = LocalAttention(16, 8, window=3), torch.randn(2, 7, 16)
    torch.nn.init.normal_(layer.bias)
    query, key, value = (part.unflatten(-1, (2, 8)) for part in layer.qkv(x).chunk(3, dim=-1))
    expected = torch.zeros(2, 7, 2, 8)
    for head in range(2):
        for t in range(7):
            seen = range(max(0, t - 2), t + 1)
            scores = torch.stack([(query[:, t, head] * key[:, s, head]).sum(-1) / 8**0.5 for s in seen], dim=-1)
            weights = (scores + layer.bias[head, [t - s for s in seen]]).softmax(-1)
            expected[:, t, head] = sum(weights[:, [at]] * value[:, s, head] for at, s in enumerate(seen))
    assert torch.allclose(layer(x), layer.out(expected.flatten(-2)), atol=1e-5)


def test_the_attention_mixture_starts_from_weights_over_its_context():
    torch.manual_seed(0)
    network, x = AttentionMixture(16, 32, dropout=0.0), torch.randn(1, 6, 16)
    weights = (network.query(x[:, 5]) @ network.key(x)[0].T / 4).softmax(-1)  # (1, 6)
    inputs = torch.cat([weights @ x[0], x[0].mean(dim=0, keepdim=True)], dim=-1)
    assert torch.allclose(network(x)[:, 5], x[0].mean(dim=0) + network.refine(inputs), atol=1e-5)
    assert torch.allclose(running_mean(x)[0, 5], x[0].mean(dim=0), atol=1e-6)


def test_what_was_read_is_not_retrieved(little, article):
    """Every chunk of the past is penalised, and of the others only those of the same buckets."""
    network, plain = little.model(), little.model(buckets=0)
    scores = network.queries(article[None, :8]) @ network.documents(article).T
    free = plain.queries(article[None, :8]) @ plain.documents(article).T
    buckets = network.memory.bucket(article)
    read = torch.isin(buckets, buckets[:8])
    assert read[:8].all()
    assert torch.allclose((free - scores)[0], memory.PENALTY * read, atol=1e-5)
    assert scores[0, read].max() < scores[0, ~read].min(), "nothing that was read comes before anything that was not"


def test_chunks_share_a_bucket_no_more_often_than_by_chance():
    """Also chunks of one article, which resemble each other."""
    torch.manual_seed(0)
    memory, chunks = Memory(D, 144), torch.from_numpy(drifting(200, 12))
    buckets = memory.bucket(chunks)  # (200, 12)
    same = (buckets[:, :, None] == buckets[:, None, :]).float()
    share = (same.sum() - same.diagonal(dim1=1, dim2=2).sum()) / (200 * 12 * 11)
    assert share < 2 / 144
    counts = torch.bincount(buckets.flatten(), minlength=144)
    assert counts.max() < 3 * counts.float().mean()


def test_a_bucket_depends_on_nothing_but_the_chunk():
    torch.manual_seed(0)
    memory, chunks = Memory(384, 1024), F.normalize(torch.randn(512, 384), dim=1)
    alone = torch.cat([memory.bucket(chunk[None]) for chunk in chunks])
    assert (memory.bucket(chunks) == alone).float().mean() > 0.995
    assert (memory.bucket(chunks.view(8, 64, 384)).flatten() == memory.bucket(chunks)).float().mean() > 0.995


def test_a_checkpoint_gives_the_same_predictor(little, article, tmp_path):
    network = moved(little.model())
    model.save(tmp_path / "s.ckpt", network, {"steps": 3})
    loaded = predictor.load(tmp_path / "s.ckpt")
    assert torch.equal(loaded.queries(article[None]), network.queries(article[None]))
    assert torch.equal(loaded.documents(article), network.documents(article))
    assert not loaded.training
    model.save(tmp_path / "again.ckpt", network, {"steps": 3})
    assert (tmp_path / "s.ckpt").read_bytes() == (tmp_path / "again.ckpt").read_bytes()


SHAPE_IS = "expected variant, n_layers, d_model, "


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"kind": "naics"}, "kind 'naics', expected 'mamba'"),
        ({"shape": {}}, "missing d, expected in every checkpoint of kind 'mamba'"),
        ({"shape": {"variant": "s"}, "d": D}, f"shape: missing n_layers, {SHAPE_IS}"),
        ({"shape": asdict(SHAPE) | {"layers": 2}, "d": D}, f"shape: unknown key 'layers', {SHAPE_IS}"),
        ({"shape": asdict(SHAPE), "d": D}, "log_scale is nothing, expected ()"),
    ],
)
def test_rows_8_and_13_a_checkpoint_of_another_kind_or_version(tmp_path, about, said):
    checkpoint.save(tmp_path / "other.ckpt", {"x": torch.zeros(1)}, {"kind": "mamba"} | about)
    assert refused(predictor.load, tmp_path / "other.ckpt").startswith(f"{tmp_path / 'other.ckpt'}: {said}")


def test_the_full_body_has_30_1_million_parameters():
    """The original, without a C projection and with the wrong layout, had 53.2."""
    with torch.device("meta"):
        network = body.build("s", 8, Sizes(768, 128, 4, 2, 64, chunk_size=64), dropout=0.1)
    assert round(sum(weight.numel() for weight in network.parameters()) / 1e6, 1) == 30.1
    assert np.isclose(len(network), 8)
