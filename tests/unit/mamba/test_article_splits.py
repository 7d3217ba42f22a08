"""lib.mamba.splits and prepare_articles.py: the side of an article is a function of its id; no text is on two sides."""

import json

import polars as pl
import pytest
from in_process import run

from lib import files
from lib.errors import BadInput
from lib.mamba import dataset, splits
from lib.mamba.articles import Article
from lib.mamba.chunking import Chunking
from lib.mamba.splits import Chunked, Shares, Sizes

SHARES = Shares(0.2, 0.1, 1)
SHAPE = Chunking(min_chars=1)


def article(name: str, chunks: int, word: str = "text") -> Article:
    return Article(name, name, [f"{word} {name} {at}." for at in range(chunks)])


def of_side(wanted: str, count: int) -> list[str]:
    names = (f"n{number}" for number in range(10_000))
    return [name for name in names if splits.side(name, SHARES) == wanted][:count]


def test_shares_are_kept_and_growing_one_moves_no_article_between_the_others():
    names = [f"article {number}" for number in range(4000)]
    sides = [splits.side(name, SHARES) for name in names]
    assert sides.count("test") / 4000 == pytest.approx(0.2, abs=0.02)
    assert sides.count("validation") / 4000 == pytest.approx(0.1, abs=0.02)
    wider = [splits.side(name, Shares(0.2, 0.3, 1)) for name in names]
    assert all(before == after for before, after in zip(sides, wider) if before != "train")
    assert sides != [splits.side(name, Shares(0.2, 0.1, 2)) for name in names]


def test_draw_keeps_long_enough_articles_of_the_first_chunks():
    told = [article("a", 3), article("b", 7), article("c", 12)]
    kept, gone = splits.draw(iter(told), SHAPE, Sizes(min_chunks=6, max_chunks=8), 1)
    assert [(one.id, len(one.chunks)) for one in kept] == [("b", 7), ("c", 8)]
    assert gone == {"articles_too_short": 1, "articles_beyond_max": 0}


def test_which_articles_are_drawn_depends_on_no_other_article():
    told = [article(f"a{number}", 6) for number in range(60)]
    kept, gone = splits.draw(iter(told), SHAPE, Sizes(6, None, 20), 1)
    assert (len(kept), gone["articles_beyond_max"]) == (20, 40)
    fewer, _ = splits.draw(iter(told[:30]), SHAPE, Sizes(6, None, 20), 1)
    names = {one.id for one in kept}
    assert {one.id for one in fewer} >= {name for name in names if int(name[1:]) < 30}
    backwards, _ = splits.draw(iter(told[::-1]), SHAPE, Sizes(6, None, 20), 1)
    assert backwards == kept


def test_row_10_of_texts_on_two_sides_the_one_that_judges_stays():
    (train,), (test,) = of_side("train", 1), of_side("test", 1)
    own = [f"a sentence that is only in {train} {at}" for at in range(6)]
    other = [f"quite different words about {test} {at}" for at in range(6)]
    twin = "the very same sentence stands in both of these articles, word for word, and is long enough"
    near = twin.replace("enough", "enough.")
    kept, gone = splits.without_repeats(
        [Chunked(train, "", [*own, twin, "left"]), Chunked(test, "", [*other, near])], Sizes(6), SHARES
    )
    assert {one.id: one.chunks for one in kept} == {train: [*own, "left"], test: [*other, near]}
    assert gone == {"chunks_repeated": 1, "articles_of_repeats": 0}


def test_an_article_that_repeats_another_goes_whole():
    names = sorted(of_side("train", 2))
    chunks = [f"sentence number {at} of one text that two articles have in common" for at in range(6)]
    kept, gone = splits.without_repeats([Chunked(name, "", chunks) for name in names], Sizes(6), SHARES)
    assert [one.id for one in kept] == names[:1]
    assert gone == {"chunks_repeated": 6, "articles_of_repeats": 1}


def test_row_9_an_id_twice_and_an_empty_split():
    with pytest.raises(BadInput, match="id 'n' stands 2 times"):
        splits.refuse([Chunked("n", "", []), Chunked("n", "", [])], SHARES)
    (name,) = of_side("train", 1)
    with pytest.raises(BadInput, match="none of 1 in validation"):
        splits.refuse([Chunked(name, "", [])], Shares(0.0, 0.0, 1))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("articles")
    told = [article(f"{number}", 8, f"word{number}") for number in range(60)]
    lines = [json.dumps(one._asdict()) for one in [*told, article("short", 2)]]
    (folder / "a.jsonl").write_text("\n".join(lines))
    for out in ("one", "two"):
        prepare(folder, folder / out)
    return folder


def prepare(folder, out) -> None:
    knobs = ["--min-chars", 1, "--min-chunks", 6, "--max-chunks", 7, "--test-share", 0.2, "--validation-share", 0.2]
    run("prepare_articles.py", "--source", "jsonl", "--path", folder / "a.jsonl", *knobs, "--out", out)


def test_the_table_is_in_reading_order_and_says_where_it_is_from(prepared):
    table = dataset.load(prepared / "one")
    assert table.schema == pl.Schema(dataset.SCHEMA)
    assert table.select("article", "position").rows() == sorted(table.select("article", "position").rows())
    assert table["id"].to_list() == [f"{name}#{at}" for name, at in table.select("article", "position").rows()]
    assert table.filter(pl.col("article") == "7")["text"].to_list() == article("7", 7, "word7").paragraphs
    about = files.read_json(prepared / "one" / "source.json")
    assert about["source"] == "jsonl"
    assert about["files"] == {"a.jsonl": files.sha256(prepared / "a.jsonl")}
    assert about["dropped"]["articles_too_short"] == 1
    assert sum(split["chunks"] for split in about["counts"].values()) == len(table) == 420
    assert about["split"]["sha256"] == dataset.split_hash(table)


def test_the_same_articles_are_the_same_bytes(prepared):
    assert files.sha256(prepared / "one") == files.sha256(prepared / "two")


@pytest.mark.parametrize(
    ("column", "change", "said"),
    [
        ("split", "dev", "split 'dev', expected one of train, validation, test"),
        ("id", "0#1", "'0#1': stands twice"),
        ("position", 5, "expected the id"),
        ("text", " ", "empty text"),
        ("split", None, "split None"),
    ],
)
def test_a_table_that_is_wrong_is_refused(prepared, tmp_path, column, change, said):
    table = dataset.load(prepared / "one")
    values = [change, *table[column].to_list()[1:]]
    table.with_columns(pl.Series(column, values, dtype=table.schema[column])).write_parquet(tmp_path / "chunks.parquet")
    with pytest.raises(BadInput, match=said):
        dataset.load(tmp_path)


def test_rows_out_of_order_and_a_split_within_an_article_are_refused(prepared):
    table = dataset.load(prepared / "one")
    with pytest.raises(BadInput, match=r"'0#1': position 1, expected each article's chunks together"):
        dataset.check(pl.concat([table[1:3], table[:1], table[3:]]), "t")
    halved = table.with_columns(split=pl.when(pl.col("position") < 3).then(pl.lit("train")).otherwise(pl.lit("test")))
    with pytest.raises(BadInput, match=r"'0#3': split 'test', another than the chunk before it"):
        dataset.check(halved, "t")


def test_row_10_a_text_on_two_sides_is_refused(prepared, tmp_path):
    table = dataset.load(prepared / "one")
    test = table.filter(pl.col("split") == "test")["text"][0]
    same = pl.when(pl.col("id") == table.filter(pl.col("split") == "train")["id"][0]).then(pl.lit(test.upper()))
    table.with_columns(text=same.otherwise(pl.col("text"))).write_parquet(tmp_path / "chunks.parquet")
    with pytest.raises(BadInput, match="1 texts are on two sides of the split, the first is"):
        dataset.load(tmp_path)
