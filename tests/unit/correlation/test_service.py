"""The HTTP service over a real, small model."""

import pytest
from fastapi.testclient import TestClient

from lib.correlation import model, service

A, B = "Will the Red candidate win Iowa?", "Will the Blue candidate win Iowa?"


@pytest.fixture(scope="module")
def trained(world):
    return model.load(world.trained("served") / "model")


@pytest.fixture(scope="module")
def client(trained):
    return TestClient(service.application(trained, "served", max_new_tokens=16))


def asked(**changes: object) -> dict[str, object]:
    return {"contract_a_title": A, "contract_b_title": B, **changes}


def test_health_says_which_model_is_served(client):
    said = client.get("/health")
    assert (said.status_code, said.json()) == (200, {"status": "ok", "model": "served", "known_pairs": 28})


@pytest.mark.parametrize("reasoning", [False, True])
def test_an_answer_is_the_models(client, trained, reasoning):
    said = client.post("/predict-correlation", json=asked(reasoning=reasoning))
    assert said.status_code == 200
    assert said.json() == trained.answers([A], [B], reasoning, 16)[0].as_dict()
    assert ("reasoning" in said.json()) == reasoning


def test_titles_are_taken_without_the_blanks_around_them(client):
    plain = client.post("/predict-correlation", json=asked())
    assert client.post("/predict-correlation", json=asked(contract_a_title=f"  {A}\n")).json() == plain.json()


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"contract_a_title": A}, "Field required"),
        (asked(contract_b_title="   "), "at least 1 character"),
        (asked(contract_b_title="x" * 1001), "at most 1000 characters"),
        (asked(contract_b_title=7), "valid string"),
        (asked(contract_b_title="?!"), "a title without words"),
        (asked(contract_b_title=A.upper()), "both titles say the same"),
        (asked(reasonings=True), "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(client, question, reason):
    said = client.post("/predict-correlation", json=question)
    assert said.status_code == 422
    assert reason in said.text


def test_no_json_and_no_such_page_are_refused(client):
    assert client.post("/predict-correlation", content=b"{").status_code == 422
    assert client.get("/predict-correlation").status_code == 405
    assert client.get("/nowhere").status_code == 404
