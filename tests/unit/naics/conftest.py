"""Real codes for every test: the Census files when SLUICE_DATA names them, else the packages."""

import os
from pathlib import Path

import pytest
from tiny_naics import World

from lib.naics import census, leaks, packaged
from lib.naics.relations import Relations, relate
from lib.naics.source import Source
from lib.naics.tables import taxonomy_of
from lib.naics.taxonomy import Taxonomy, build


@pytest.fixture(scope="session")
def census_folder() -> Path:
    """The folder with the four Census files; tests that count what is in them need it."""
    folder = Path(os.environ.get("SLUICE_DATA", "")) / "naics"
    if "SLUICE_DATA" not in os.environ or not (folder / census.CODES).is_file():
        pytest.skip("the Census files are not here: SLUICE_DATA names no folder with naics/ in it")
    return folder


@pytest.fixture(scope="session")
def census_source(census_folder: Path) -> Source:
    return census.read(census_folder, "folder", "the Census folder")


@pytest.fixture(scope="session")
def packaged_source() -> Source:
    return packaged.read()


@pytest.fixture(scope="session")
def source(request: pytest.FixtureRequest) -> Source:
    """The best source there is, before any split."""
    try:
        return request.getfixturevalue("census_source")
    except pytest.skip.Exception:
        return request.getfixturevalue("packaged_source")


@pytest.fixture(scope="session")
def taxonomy(source: Source) -> Taxonomy:
    """The 2,125 real codes."""
    return build(source.nodes, source.said)


@pytest.fixture(scope="session")
def census_relations(census_source: Source) -> Relations:
    """Relations of the real codes and the exclusions that the published split leaves."""
    cleared, _ = leaks.clear(census_source, census_source.roles)
    return relate(taxonomy_of(cleared), [(r.code, r.target) for r in cleared.references])


@pytest.fixture(scope="session")
def related(source: Source, taxonomy: Taxonomy) -> Relations:
    """Relations of the real codes, with real exclusions where the source has them."""
    return relate(taxonomy, [(reference.code, reference.target) for reference in source.references])


@pytest.fixture(scope="session")
def small(source: Source) -> Relations:
    """Relations of the real codes of utilities, retail and education, with a few exclusions of either kind."""
    nodes = [node for node in source.nodes if node.code[:2] in ("22", "44", "45", "61")]
    excluded = [("221111", "221112"), ("221111", "221330"), ("221111", "457210"), ("611110", "611310"), ("61", "44-45")]
    return relate(build(nodes, "small"), excluded)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A model's surroundings: the little NAICS and an encoder of three random layers."""
    return World(tmp_path_factory.mktemp("little-naics"))
