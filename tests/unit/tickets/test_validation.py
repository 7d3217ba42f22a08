"""lib.tickets.validation: MAP that chooses a model, and the way back to the base when too much was forgotten."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from lib import adapters
from lib.errors import BrokenModel
from lib.tickets import model, validation
from lib.tickets.validation import settle


def test_the_score_is_map_over_validation_tickets_and_distractors_told_both_ways(world):
    tokenizer, encoder = world.moved()
    score = validation.of_tickets(encoder, tokenizer, world.tickets, 24, seed=1)
    assert len(score.groups) == 24
    own = score.groups[score.groups >= 0]
    assert {world.tickets.group_names[group] for group in own} == {"dns", "battery"}
    assert np.bincount(own)[list(set(own))].tolist() == [6, 6]
    found = []
    for told in score.tellings:
        vectors = model.encode(encoder.base, told.tokens, encoder.head)
        for at in np.flatnonzero(score.groups >= 0):
            others = np.arange(24) != at
            same = (score.groups == score.groups[at])[others]
            found.append(average_precision_score(same, (vectors @ vectors[at])[others]))
    assert len(found) == 24
    assert score() == pytest.approx(np.mean(found))


def test_tickets_without_anything_to_mask_are_told_once(world):
    tokenizer, encoder = world.moved()
    bare = replace(world.tickets, masked=world.tickets.texts)
    score = validation.of_tickets(encoder, tokenizer, bare, 24, seed=1)
    assert len(score.tellings) == 1


@pytest.mark.parametrize(
    ("limit", "each"), [(100, [3, 5, 9]), (17, [3, 5, 9]), (16, [3, 5, 8]), (9, [3, 3, 3]), (1, [2] * 3)]
)
def test_labels_are_cut_to_one_size(limit, each):
    groups = np.repeat([4, 7, 9], [3, 5, 9])
    kept = validation._evenly(np.random.default_rng(0).permutation(17), groups, limit)
    assert [int((groups[kept] == label).sum()) for label in (4, 7, 9)] == each


def test_a_weight_of_zero_is_the_base(world):
    tokenizer, encoder = world.moved()
    _, base = world.fresh()
    foreign = validation.of_foreign(encoder, tokenizer, world.tickets)
    moved = foreign()
    adapters.set_weight(encoder, 0.0)
    assert foreign() == validation.of_foreign(base, tokenizer, world.tickets)() != moved


class Trained:
    """An encoder to settle: scores are functions of the weight of its adapters, and a head is the weight it is of."""

    def __init__(self, world) -> None:
        _, self.encoder = world.moved()
        self.heads: list[float] = []

    def weight(self) -> float:
        (scaling,) = {layer.scaling[adapters.ADAPTER] for layer in adapters.lora_layers(self.encoder).values()}
        return round(scaling / 2, 9)  # lora_alpha is twice r

    def settle(self, learnt, kept, floor: float = 0.39) -> dict:
        return settle(self.encoder, self.learn_head, lambda: learnt(self.weight()), lambda: kept(self.weight()), floor)

    def learn_head(self) -> None:
        self.heads.append(self.weight())
        self.encoder.head = self.weight()


def test_what_forgets_little_stays_whole(world):
    trained = Trained(world)
    assert trained.settle(lambda w: 0.5 + 0.2 * w, lambda w: 0.4 - 0.009 * w)["weight"] == 1.0
    assert trained.weight() == 1.0


def test_what_forgets_too_much_goes_back_as_far_as_it_must(world):
    """Of the shares that keep the foreign domain, the best on validation, which need not be the largest."""
    trained = Trained(world)
    settled = trained.settle(lambda w: 0.5 - (w - 0.25) ** 2, lambda w: 0.4 - 0.02 * w)
    assert settled["weight"] == trained.weight() == 0.2
    assert settled["weighed"][0] == {"weight": 0.0, "validation_map": pytest.approx(0.4375), "foreign_map": 0.4}


def test_what_forgets_nothing_goes_back_where_validation_gains_by_it(world):
    assert Trained(world).settle(lambda w: 0.5 - (w - 0.6) ** 2, lambda _: 0.4)["weight"] == 0.7


def test_every_share_is_judged_with_a_head_of_its_own(world):
    """No more of them than validation gains by, and the one that stays keeps its own."""
    trained = Trained(world)
    trained.settle(lambda w: 0.5 - (w - 0.6) ** 2, lambda _: 0.4)
    assert trained.heads == [0.0, 1.0, 0.7, 0.4]
    assert trained.encoder.head == trained.weight() == 0.7


def test_what_cannot_go_back_far_enough_is_no_model(world):
    with pytest.raises(BrokenModel, match=r"^every share of what was learnt leaves less than 0.3900 MAP"):
        Trained(world).settle(lambda w: w, lambda w: 0.4 - (w > 0))
