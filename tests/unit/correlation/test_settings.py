"""The original's settings from the environment and from .env."""

import pytest

from lib.correlation import settings
from lib.errors import BadInput


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in settings.KNOBS:
        monkeypatch.delenv(name, raising=False)


def test_the_environment_goes_before_the_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(
        "# a comment\nMODEL_NAME='meta-llama/Llama-3.1-8B-Instruct'\nexport RAG_TOP_K=5\nUSE_4BIT=True\nPGPASSWORD=x\n"
    )
    monkeypatch.setenv("RAG_TOP_K", "7")
    known = settings.asked(tmp_path)
    assert known == {"model": "meta-llama/Llama-3.1-8B-Instruct", "rag_top_k": 7, "use_4bit": True}


def test_nothing_is_asked_where_nothing_is_set(tmp_path):
    assert settings.asked(tmp_path) == {}


@pytest.mark.parametrize(("name", "text"), [("USE_4BIT", "maybe"), ("RAG_TOP_K", "0"), ("MAX_NEW_TOKENS", "256.0")])
def test_a_value_that_cannot_be_one_is_refused(tmp_path, monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(BadInput, match=f"^environment: {name} '{text}', expected"):
        settings.asked(tmp_path)
