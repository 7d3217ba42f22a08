"""The little tickets with their encoder, made once for all tests here."""

import pytest
from tiny_ticket_training import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("little-tickets"))
