"""lib.mamba.articles, docstrings, hub: the same articles from every kind of source, and how each may be wrong."""

import gzip
import json

import polars as pl
import pyarrow
import pytest
from huggingface_hub import HfApi
from refusals import refused

from lib.errors import BadInput
from lib.mamba import articles, docstrings, hub
from lib.mamba.articles import Article

TOLD = [{"id": 7, "title": "Seven", "paragraphs": ["One.", "Two."]}, {"id": "x", "title": "X", "paragraphs": []}]
READ = [Article("7", "Seven", ["One.", "Two."]), Article("x", "X", [])]
LINES = "".join(json.dumps(article) + "\n" for article in TOLD)


def of_jsonl(tmp_path, content: bytes, name: str = "a.jsonl") -> list[Article]:
    (tmp_path / name).write_bytes(content)
    return list(articles.load("jsonl", str(tmp_path / name), None).articles)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.jsonl", bytes),
        ("a.jsonl.gz", gzip.compress),
        ("a.jsonl.zst", lambda text: pyarrow.compress(text, codec="zstd", asbytes=True)),
    ],
)
def test_json_lines_plain_and_compressed(tmp_path, name, pack):
    assert of_jsonl(tmp_path, pack(LINES.encode()), name) == READ


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "record 1: line 1 column"),
        ('{"id": 1, "id": 2}', "record 1: key 'id' stands twice"),
        ('{"id": NaN}', "record 1: NaN is not JSON"),
        ('{"id": 1, "title": "t"}', "record 1: missing paragraphs"),
        ("[1]", "record 1: missing id"),
        ('{"id": 1.5, "title": "t", "paragraphs": []}', "id 1.5, expected a number or one line of text"),
        ('{"id": "a\\nb", "title": "t", "paragraphs": []}', "expected a number or one line of text"),
        ('{"id": 1, "title": "t", "paragraphs": "one"}', "expected a text for title and a list of texts"),
        ('{"id": 1, "title": "t", "paragraphs": [1]}', "expected a text for title and a list of texts"),
        ('{"id": 1, "title": null, "paragraphs": []}', "expected a text for title and a list of texts"),
    ],
)
def test_rows_12_and_13_a_wrong_line(tmp_path, line, said):
    told = refused(of_jsonl, tmp_path, line.encode())
    assert told.startswith(f"{tmp_path / 'a.jsonl'}: ") and said in told


def test_row_11_not_utf_8(tmp_path):
    with pytest.raises(BadInput, match=r"a\.jsonl: line 3: not UTF-8 at byte 8$"):
        of_jsonl(tmp_path, LINES.splitlines()[0].encode() + b'\n\n{"id": "\xff"}')


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_row_28_a_compressed_file_cut_short(tmp_path, name):
    text = LINES.encode() * 9
    packed = gzip.compress(text) if name.endswith("gz") else pyarrow.compress(text, codec="zstd", asbytes=True)
    for content in (packed[:-5], b"garbage", packed[: len(packed) // 2]):
        with pytest.raises(BadInput, match=r"a\.jsonl\.(gz|zst): damaged or cut short"):
            of_jsonl(tmp_path, content, name)


def test_a_folder_of_texts(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.txt").write_text("One\nline.\n\n \nTwo.\n")
    (tmp_path / "a.md").write_text("Only.")
    (tmp_path / "c.png").write_bytes(b"\xff")
    found = list(articles.load("folder", str(tmp_path), None).articles)
    assert found == [Article("a.md", "a", ["Only."]), Article("deep/b.txt", "b", ["One\nline.", "Two.\n"])]


def test_a_folder_without_texts(tmp_path):
    with pytest.raises(BadInput, match=r"no text files, expected some that end in \.txt"):
        list(articles.load("folder", str(tmp_path), None).articles)


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        ("jsonl", None, "source jsonl needs the key path"),
        ("jsonl", "/nowhere/a.jsonl", "/nowhere/a.jsonl: no such file or folder"),
        ("wikipedia", None, "expected the config key data_dir"),
        ("hub", "wikipedia", "expected owner/name"),
    ],
)
def test_a_source_that_is_not_there(kind, path, said):
    with pytest.raises(BadInput, match=said):
        articles.load(kind, path, None)


def test_row_25_a_hub_that_does_not_answer(monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr(HfApi, "dataset_info", unreachable)
    with pytest.raises(BadInput, match=r"dataset a/b cannot be reached \(no route to host\)$"):
        hub.source("a/b/subset@main", "said")


def test_a_table_as_the_hub_has_it(tmp_path):
    columns = {"id": ["1", "2"], "url": ["u", "u"], "title": ["A", "B"], "text": ["One.\n\nTwo.", None]}
    pl.DataFrame(columns).write_parquet(tmp_path / "a.parquet")
    found = list(articles.of_parquet(tmp_path / "a.parquet", "hub file"))
    assert found == [Article("1", "A", ["One.", "Two."]), Article("2", "B", [])]
    (tmp_path / "a.parquet").write_bytes(b"<html>")
    with pytest.raises(BadInput, match="hub file: no table with id, title and text"):
        list(articles.of_parquet(tmp_path / "a.parquet", "hub file"))


SOURCE = '''"""Of the module.

Second paragraph.
"""
class Outer:
    def method(self):
        """Summary.

        Parameters
        ----------
        x : int

        >>> doctest()

        .. math:: x

        Last.
        """
def twice():
    """First."""
def twice():
    """Second."""
def bare():
    return "no docstring"
'''


def test_docstrings_are_articles_without_doctests_directives_and_underlines():
    found = {article.id: article.paragraphs for article in docstrings.in_source(SOURCE, "package.module")}
    assert found == {
        "package.module": ["Of the module.", "Second paragraph."],
        "package.module.Outer.method": ["Summary.", "Parameters", "x : int", "Last."],
        "package.module.twice": ["First."],
        "package.module.twice.2": ["Second."],
    }


def test_a_package_is_read_and_not_imported(run_python):
    run = run_python(
        "import sys\nfrom lib.mamba import docstrings\n"
        "found = list(docstrings.in_package('tqdm'))\n"
        "print(len(found) > 20, 'tqdm' in sys.modules, any('.tests.' in a.id for a in found))"
    )
    assert run.stdout == "True False False\n", run.stderr


def test_a_package_that_is_not_installed():
    with pytest.raises(BadInput, match="package nowhere is not installed"):
        list(docstrings.in_package("nowhere"))
