"""Articles of a dataset on the model hub, by its usual public id: the Parquet files of one subset."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import BadInput
from . import articles
from .articles import Article, Source

PATTERN = "owner/name[/subset][@revision]"


def source(name: str, said: str) -> Source:
    """`wikimedia/wikipedia/20231101.simple@<commit>`; without a revision the newest, which source.json then names."""
    dataset, _, revision = name.partition("@")
    owner, _, rest = dataset.partition("/")
    repository, _, subset = rest.partition("/")
    if not owner or not repository:
        raise BadInput(f"mamba.data.path: {name!r}, expected {PATTERN}")
    repository = f"{owner}/{repository}"
    revision, files = _listing(repository, subset, revision or None)
    return Source("hub", said, {name: revision}, _articles(repository, revision, files))


def _listing(repository: str, subset: str, revision: str | None) -> tuple[str, list[str]]:
    """The commit and the Parquet files of the subset; BadInput when the hub does not answer."""
    from huggingface_hub import HfApi

    try:
        about = HfApi().dataset_info(repository, revision=revision, timeout=10)
    except Exception as error:  # whatever its HTTP library raises
        raise BadInput(f"mamba.data.path: dataset {repository} cannot be reached ({_first_line(error)})") from None
    names = sorted(file.rfilename for file in about.siblings or ())
    wanted = [name for name in names if name.startswith(subset) and name.endswith(".parquet")]
    if not wanted:
        raise BadInput(f"mamba.data.path: dataset {repository} has no Parquet files below {subset or 'its top'!r}")
    return str(about.sha), wanted


def _articles(repository: str, revision: str, files: list[str]) -> Iterator[Article]:
    from huggingface_hub import hf_hub_download

    for name in files:
        try:
            path = hf_hub_download(repository, name, repo_type="dataset", revision=revision)
        except Exception as error:
            raise BadInput(f"{repository}: {name} cannot be fetched ({_first_line(error)})") from None
        yield from articles.of_parquet(Path(path), f"{repository}: {name}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
