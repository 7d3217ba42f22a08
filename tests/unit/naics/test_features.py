"""lib.naics.features: a channel of a code is the mean of its texts, and of no text that would give the answer away."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from lib.naics import features
from lib.naics.codes import in_held_out_family
from lib.naics.features import CodeFeatures
from lib.naics.taxonomy import CHANNELS
from lib.naics.texts import QUERY_CHANNEL


@pytest.fixture(scope="module")
def texts(world):
    return world.bank()


@pytest.fixture(scope="module")
def known(world, texts):
    return CodeFeatures(texts.encode_all(world.model().encode), world.data.texts)


@pytest.fixture(scope="module")
def every_code(world):
    return np.arange(len(world.data.taxonomy))


def texts_of(world, code: str) -> list[set[str]]:
    """What a code says in each channel, from its node and from the entries below it by their digits."""
    node = world.data.taxonomy.nodes[world.data.taxonomy.row[code]]
    examples = {
        text
        for text, below, role in world.data.entries.select("text", "code", "role").iter_rows()
        if role == "examples" and below.startswith(code) and in_held_out_family(code) >= in_held_out_family(below)
    }
    return [{node.title}, {node.description} - {""}, set(node.excluded), examples]


def brute(world, texts, encoders, code: str, without=()) -> torch.Tensor:
    """The unit mean of the unit vectors of each text, one text at a time, `(C, d)`; zeros where there is none."""
    rows = torch.zeros(len(CHANNELS), 32)
    for channel, own in enumerate(texts_of(world, code)):
        for text in own - set(without):
            row = np.array([world.data.texts[channel].texts.index(text)])
            with torch.no_grad():
                rows[channel] += texts.encode(encoders, channel, row)[0]
    return normalize(rows, dim=1)


# Means


def test_a_channel_is_the_unit_mean_of_its_texts(world, texts, known, every_code):
    encoders = world.model().encoders
    vectors, present = known.gather(every_code)
    for row, code in enumerate(world.data.taxonomy.codes):
        expected = brute(world, texts, encoders, code)
        torch.testing.assert_close(vectors[row], expected, rtol=1e-4, atol=1e-5, msg=code)
        assert present[row].tolist() == [float(bool(own)) for own in texts_of(world, code)], code
    assert 0 < present.mean() < 1


def test_some_codes_in_any_order(known, every_code):
    some = np.array([40, 3, 3, 17])
    for of_some, of_all in zip(known.gather(some), known.gather(every_code)):
        assert torch.equal(of_some, of_all[some])


def test_a_description_has_one_channel():
    vectors = torch.randn(5, 32)
    found, present = features.query_features(vectors)
    assert torch.equal(found[:, QUERY_CHANNEL], vectors)
    assert found.abs().sum() == vectors.abs().sum()
    assert present.tolist() == [[0, 0, 0, 1]] * 5


# What must not be read


def test_an_example_that_is_asked_is_left_out_of_its_code_and_of_every_code_above(world, texts, known, every_code):
    encoders, taxonomy = world.model().encoders, world.data.taxonomy
    asked = ["Local hydroelectric power generation", "Local fossil fuel electric power generation"]
    before, _ = known.gather(every_code)
    vectors, present = known.gather(every_code, without=world.data.query_rows(asked))
    touched = {taxonomy.row[code] for leaf in ("221111", "221112") for code in taxonomy.path(leaf)}
    for row in touched:
        expected = brute(world, texts, encoders, taxonomy.codes[row], asked)
        torch.testing.assert_close(vectors[row], expected, rtol=1e-4, atol=1e-5)
        assert (vectors[row] - before[row]).abs().max() > 1e-3
    untouched = [row for row in every_code if row not in touched]
    assert torch.equal(vectors[untouched], before[untouched])
    leaves = [taxonomy.row["221111"], taxonomy.row["221112"]]
    assert present[leaves, QUERY_CHANNEL].tolist() == [0, 0], "it was all they had"
    assert present[taxonomy.row["22111"], QUERY_CHANNEL] == 1


def test_examples_of_held_out_families_never_rise_to_a_trained_code(world):
    taxonomy, members = world.data.taxonomy, world.data.texts[QUERY_CHANNEL].members
    given, codes = world.data.role("examples")
    held_out = world.data.query_rows([text for text, code in zip(given, codes) if taxonomy.held_out[code]])
    assert len(held_out) == 4
    users = members[:, held_out].sum(axis=1).A1 > 0
    assert users.sum() == 10, "every code of both families has some"
    assert taxonomy.held_out[users].all()


def test_judging_and_training_entries_belong_to_no_code(world):
    others = world.data.query_rows(world.data.role("training", "validation", "test")[0])
    assert world.data.texts[QUERY_CHANNEL].members[:, others].nnz == 0


# Live vectors


def test_live_vectors_take_the_place_of_stored_ones(world, known):
    """A code's mean is of fresh vectors where there are some and of stored ones where not."""
    codes = np.array([world.data.taxonomy.row[code] for code in ("2211", "22111", "221111")])
    rows = known.texts_of(QUERY_CHANNEL, codes)[1:4]
    fresh = normalize(torch.randn(3, 32, generator=torch.Generator().manual_seed(1)), dim=1)
    vectors, _ = known.gather(codes, live={QUERY_CHANNEL: (rows, fresh)})
    for row, code in enumerate(codes):
        own = world.data.texts[QUERY_CHANNEL].members[code].indices
        replaced = {int(text): fresh[at] for at, text in enumerate(rows)}
        stored = known.vectors(QUERY_CHANNEL)
        mean = sum(replaced.get(int(text), stored[text]) for text in own)
        torch.testing.assert_close(vectors[row, QUERY_CHANNEL], normalize(mean, dim=0), rtol=1e-5, atol=1e-6)


def test_live_vectors_that_are_the_stored_ones_change_nothing(known, every_code):
    live = {
        channel: (rows, known.vectors(channel)[torch.from_numpy(rows)])
        for channel in range(len(CHANNELS))
        for rows in [known.texts_of(channel, every_code[::3])]
    }
    for found, expected in zip(known.gather(every_code, live), known.gather(every_code)):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_live_vectors_carry_gradient_to_the_texts_that_are_used(world, known):
    taxonomy = world.data.taxonomy
    rows = known.texts_of(0, np.array([taxonomy.row["611110"], taxonomy.row["611430"]]))
    fresh = normalize(torch.randn(2, 32, generator=torch.Generator().manual_seed(1)), dim=1).requires_grad_()
    vectors, _ = known.gather(np.array([taxonomy.row["611110"]]), live={0: (rows, 2 * fresh)})
    (vectors * torch.randn(vectors.shape)).sum().backward()
    used = rows == world.data.texts[0].texts.index(taxonomy.nodes[taxonomy.row["611110"]].title)
    assert fresh.grad.abs().sum(dim=1).gt(0).tolist() == used.tolist()
