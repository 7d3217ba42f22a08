"""The little articles, made once for all tests here."""

import pytest
from tiny_mamba_training import World


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("little-articles"))
