"""A language model as a reader, against transformers' own loss and plain forward passes over whole prompts."""

import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.compute import Compute
from lib.correlation import prompt
from lib.correlation.answer import Answer
from lib.correlation.causal import CausalReader, shared_tokens
from lib.correlation.reader import distribution
from lib.errors import BadInput


@pytest.fixture(scope="module")
def rows(reader, world):
    """(prompts, answers, scores) of some pairs whose lengths differ."""
    taught = world.taught
    return (
        reader.inputs(taught.seen)[:5],
        reader.targets(taught.correlations, taught.reasonings)[:5],
        reader.numbers.score(taught.correlations[:5]),
    )


def test_a_prompt_tells_titles_facts_and_neighbours_and_ends_where_the_number_begins(reader, world):
    text = reader.tokenizer.decode(reader.inputs(world.taught.seen)[0])
    seen = world.taught.seen
    assert text.endswith(f"A: {seen.a_titles[0]}\nB: {seen.b_titles[0]}{prompt.OPENING}")
    known = seen.neighbours[0]
    assert len(known) == 3
    nearest, farthest = (text.index(f"Known: {pair['a_title']} / {pair['b_title']}") for pair in (known[0], known[-1]))
    assert farthest < nearest < text.index("Facts: ")


def test_what_is_too_long_loses_its_farthest_neighbours_and_never_its_titles(reader, world):
    short = CausalReader(reader.model, reader.tokenizer, Compute(), len(reader.prefix) + 60)
    asked = short.inputs(world.taught.seen)
    assert {len(ids) for ids in asked} == {60}
    assert all(reader.tokenizer.decode(ids).endswith(prompt.OPENING) for ids in asked)


def test_a_prompt_without_room_is_refused(reader):
    with pytest.raises(
        BadInput, match=r"^correlation\.model\.max_length: 8 tokens, expected at least \d+ for a prompt$"
    ):
        CausalReader(reader.model, reader.tokenizer, Compute(), 8)


def test_the_loss_is_transformers_loss_of_unpadded_rows(reader, rows):
    """Labels elsewhere than on the answer, or a padding that is seen, would give another number."""
    prompts, answers, scores = rows
    sums = 0.0
    for asked, answer in zip(prompts, answers):
        ids = torch.tensor([reader.prefix + asked + answer])
        labels = ids.clone()
        labels[0, : -len(answer)] = -100
        sums += float(reader.model(input_ids=ids, labels=labels).loss.detach()) * len(answer)
    generation, _ = reader.teach(prompts, answers, scores)
    assert float(generation.detach()) == pytest.approx(sums / sum(map(len, answers)), abs=1e-5)


def test_the_head_runs_on_the_answers_columns_only(reader, rows):
    seen = []
    head = reader.model.lm_head
    hook = head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
    reader.teach(*rows)
    hook.remove()
    assert seen == [max(map(len, rows[1])) + 1]


def test_one_pass_reads_what_plain_forward_passes_say(reader, rows):
    """Every score enumerated: the number's tokens fed one after the other, without cache, prefix or batch."""
    prompts = rows[0]
    found = reader.read(prompts)
    numbers = reader.numbers
    for asked, chances in zip(prompts[:2], found):
        whole = reader.prefix + asked
        with torch.no_grad():
            first = reader.model(torch.tensor([whole])).logits[0, -1, numbers.tokens[0]].softmax(0)
            if numbers.positions == 1:
                expected = first
            else:
                branches = [
                    reader.model(torch.tensor([[*whole, int(digit)]])).logits[0, -1, numbers.tokens[1]].softmax(0)
                    for digit in numbers.tokens[0]
                ]
                expected = (first[:, None] * torch.stack(branches)).flatten()
        assert chances == pytest.approx(expected.double().numpy(), abs=1e-5)


def test_numbers_do_not_depend_on_the_batch(reader, rows):
    together = reader.read(rows[0])
    assert np.concatenate([reader.read([asked]) for asked in rows[0]]) == pytest.approx(together, abs=1e-6)


def lengths_read(reader, work):
    """What `work` returns, and the lengths of the rows that went through the model, each row for itself."""
    lengths = []
    hook = reader.model.get_input_embeddings().register_forward_hook(
        lambda _, inputs, __: lengths.extend([inputs[0].shape[1]] * len(inputs[0]))
    )
    told = work()
    hook.remove()
    return told, lengths


def test_what_both_orders_of_a_pair_begin_with_is_read_once(reader, world):
    prompts = reader.inputs(world.held_out.seen.both_orders())
    both = [prompts[0], prompts[len(world.held_out.seen)]]
    common = next(at for at, tokens in enumerate(zip(*both)) if len({*tokens}) > 1)
    _, lengths = lengths_read(reader, lambda: reader.read(both))
    assert reader.tokenizer.decode(both[0][:common]).endswith("\nA: Will the")
    rests = [len(ids) - common for ids in both]
    assert [length for length in lengths if length > 1] == [len(reader.prefix), common, *rests]
    apart = np.concatenate([reader.read([ids]) for ids in prompts])
    together, lengths = lengths_read(reader, lambda: reader.read(prompts))
    assert together == pytest.approx(apart, abs=1e-6), "every rest goes on from its own beginning"
    assert sum(length for length in lengths if length > 1) < 0.75 * sum(map(len, prompts))


@given(st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=1, max_size=6))
def test_rows_are_parted_where_the_fewest_tokens_are_read(rows):
    """By counting the tokens of every way to part them."""
    read = [len({(*row[:at],) for row in rows}) * at + len(rows) * (5 - at) for at in range(5)]
    assert read[shared_tokens(np.array(sorted(rows)))] == min(read)


def test_a_and_b_may_change_places(reader, world):
    seen = world.held_out.seen
    turned = seen.both_orders()
    swapped = type(seen)(turned.a_titles[len(seen) :], turned.b_titles[len(seen) :], seen.facts, seen.neighbours)
    one, other = distribution(reader, seen).mean, distribution(reader, swapped).mean
    assert one == pytest.approx(other, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_weights_the_answer_is_json_and_the_same_again(reader, world, seed):
    """Weights so wild that every token is as likely as a word."""
    before = {name: weight.clone() for name, weight in reader.model.state_dict().items()}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in reader.model.parameters():
            weight += torch.randn(weight.shape, generator=generator)
    words = [reader.explain(world.held_out.seen, 0, 0.4, 24) for _ in range(2)]
    reader.model.load_state_dict(before)
    assert words[0] == words[1]
    assert json.loads(f'{{"underlying_correlation": "140", "reasoning": "{words[0]}"}}')["reasoning"] == words[0]
    assert json.loads(Answer(0.4, 0.5, (0.1, 0.6), words[0]).json())["reasoning"] == words[0]


def test_the_prefix_is_read_once_where_no_weight_changes_and_again_where_they_may(reader, rows):
    """A cache of weights that have changed since would be another model's."""
    frozen = CausalReader(copy.deepcopy(reader.model).requires_grad_(False), reader.tokenizer, Compute(), 512)
    for one in (frozen, reader):
        told, lengths = lengths_read(one, lambda one=one: [one.read(rows[0][:1]) for _ in range(2)])
        assert np.array_equal(*told)
        assert lengths.count(len(reader.prefix)) == (1 if one is frozen else 2)
    before = {name: weight.clone() for name, weight in reader.model.state_dict().items()}
    with torch.no_grad():
        for weight in reader.model.parameters():
            weight *= 1.5
    moved = reader.read(rows[0][:1])
    again = CausalReader(reader.model, reader.tokenizer, Compute(), 512).read(rows[0][:1])
    reader.model.load_state_dict(before)
    assert np.array_equal(moved, again)
    assert abs(moved - told[0]).max() > 1e-6


def test_words_follow_the_number_that_was_given(reader, world, monkeypatch):
    fed = []
    forward = reader._forward
    monkeypatch.setattr(reader, "_forward", lambda rows, cache: fed.append(rows[0]) or forward(rows, cache))
    reader.explain(world.held_out.seen, 0, 0.4, 1)
    score = int(reader.numbers.score(np.array([0.4]))[0])
    ending = f"{prompt.OPENING}{reader.numbers.texts()[score]}{prompt.AFTER}"
    assert reader.tokenizer.decode(fed[-1]).endswith(ending)
