"""Faults of ticket data through the real scripts: exit code 2, one line, nothing written.

The number in a test's name is its row in the table of faults.
"""

import json

import polars as pl
import pytest
import service_desk
import tiny_tickets
from refusals import refused

from lib.tickets import dataset, export, pairs

SIZES = ["--min-group", "3", "--test-share", "0.36", "--validation-share", "0.13", "--seed", "1"]
COLUMNS = {"id": "number", "text": ["short_description", "description"], "labels": ["problem_id"]}


def prepare(path, out, **changes) -> list[object]:
    columns = json.dumps(COLUMNS | changes)
    return ["--source", "files", "--files", json.dumps([str(path)]), "--columns", columns, *SIZES, "--out", out]


# The scripts on good input


def test_an_export_becomes_tables_and_pairs_and_the_same_bytes_again(run_script, tmp_path):
    export = service_desk.write(tmp_path / "incidents.csv")
    for name in ("a", "b"):
        done = run_script("prepare_tickets.py", *prepare(export, tmp_path / name))
        assert done.returncode == 0, done.stderr
        flags = ["--data", tmp_path / name, "--per-phase", 3, "--out", tmp_path / f"{name}.json"]
        done = run_script("build_ticket_pairs.py", *flags)
        assert done.returncode == 0, done.stderr
    assert "hard 3 pairs" in done.stderr
    for name in (dataset.TICKETS, dataset.FOREIGN, dataset.SOURCE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    tickets, taught = dataset.load(tmp_path / "a"), pairs.read(tmp_path / "a.json")
    train = {tickets.texts[row] for row in tickets.rows("train")}
    assert {*taught.anchors, *taught.positives, *taught.negatives} <= train
    assert tickets.source["dropped"]["repeats"] == 1
    assert "close_notes" not in (tmp_path / "a" / dataset.SOURCE).read_text()


def test_the_workflow_passes_the_column_map_as_it_stands(run_script, tmp_path):
    """A key that is no column of ours is named before anything is read."""
    arguments = prepare(tmp_path / "absent.csv", tmp_path / "out", catgory="category")
    done = run_script("prepare_tickets.py", *arguments)
    assert done.returncode == 2
    assert done.stderr == "prepare_tickets.py: columns: unknown key 'catgory', expected category\n"


# Rows 9, 11, 13, 16: exports


def test_row_11_an_export_in_latin_1(refused_by, tmp_path):
    content = service_desk.text().removeprefix("\ufeff").replace("jams", "klemmt \u00fcberall")
    export = service_desk.write(tmp_path / "incidents.csv", content, "latin-1")
    at = content.encode("latin-1").index(b"\xfc")
    refused_by("prepare_tickets.py", *prepare(export, tmp_path / "out"), said=f"{export}: not UTF-8 at byte {at}")


def export_refused(tmp_path, content: str, **changes) -> str:
    """What the reader of the script says, without the seconds that a script takes to start."""
    path = service_desk.write(tmp_path / "incidents.csv", content)
    columns = export.columns_of(COLUMNS | changes)
    return refused(export.read, [path], columns, 3, "files", "").removeprefix(f"{path}: ")


def test_row_9_an_id_on_two_different_rows(tmp_path):
    content = service_desk.text().replace("INC0050001", "INC0000001", 1)
    assert export_refused(tmp_path, content) == (
        "id 'INC0000001' stands on two different rows, expected one row a ticket"
    )


def test_row_9_a_ticket_without_id(tmp_path):
    assert export_refused(tmp_path, service_desk.text().replace("\r\nINC0090002;", "\r\n;")) == (
        "ticket 30 has no number"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": ["problemid"]}, "missing column 'problemid', did you mean 'problem_id'?"),
        ({"category": "topic"}, "missing column 'topic', expected one of: number, opened_at, "),
    ],
)
def test_row_13_a_column_that_is_not_there(tmp_path, changes, said):
    assert export_refused(tmp_path, service_desk.text(), **changes).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("number;short_description;description;problem_id\r\n", "no rows, expected a header and tickets"),
        ("", "no rows, expected a header and tickets"),
        ("number;number;problem_id\n1;2;3", "column 'number' stands twice in the header"),
        ("number;problem_id\n1;2\n3;4;5", "line 3: 3 cells, expected 2 as in the header"),
        ('number;problem_id\n1;"2\n3;4', "line 3: unexpected end of data, expected CSV"),
    ],
)
def test_an_export_that_is_no_table(tmp_path, content, said):
    assert export_refused(tmp_path, content) == said


def labelled(*labels: str) -> str:
    lines = [f"{at};words {at};of {label};{label}" for at, label in enumerate(labels)]
    return "number;short_description;description;problem_id\n" + "\n".join(lines)


def test_row_16_one_label_only(tmp_path):
    said = "all 9 values of problem_id are 'x', expected several labels"
    assert export_refused(tmp_path, labelled(*"xxxxxxxxx")) == said


def test_row_16_labels_too_few_or_too_thin(tmp_path):
    said = "labels with 3 tickets or more: problem_id 2; expected 6 in one column"
    assert export_refused(tmp_path, labelled(*"aaabbbccddeeffgghh")) == said


def test_row_16_no_ticket_has_text(tmp_path):
    content = "number;short_description;description;problem_id\n" + "\n".join(
        f"{at};NULL;--;{label}" for at, label in enumerate("aaabbbcccdddeeefff")
    )
    said = "all 18 texts are empty, expected words in short_description, description"
    assert export_refused(tmp_path, content) == said


# Rows 9, 10, 13, 16: the tables


def table_refused(tmp_path, table: pl.DataFrame) -> str:
    folder = tiny_tickets.write_data(tmp_path / "data", table)
    return refused(dataset.load, folder).removeprefix(f"{folder / dataset.TICKETS}: ")


def changed(ticket: str, /, **changes: str | None) -> pl.DataFrame:
    """The tiny tickets with some columns of one ticket set."""
    at = pl.col("id") == ticket
    return tiny_tickets.tickets().with_columns(
        pl.when(at).then(pl.lit(value, dtype=pl.String)).otherwise(pl.col(name)).alias(name)
        for name, value in changes.items()
    )


def test_row_10_the_same_text_in_test_and_training(refused_by, tmp_path):
    """In other words order and case; refused by the script that reads, whoever made the data."""
    twin = "Floors; two between STOPS lift the"
    folder = tiny_tickets.write_data(tmp_path / "data", changed("T10", text=twin))
    said = f"{folder / dataset.TICKETS}: 1 texts are on two sides of the split, the first is 'between floors lift "
    said += "stops the two'"
    refused_by("build_ticket_pairs.py", "--data", folder, "--out", tmp_path / "pairs.json", said=said)


@pytest.mark.parametrize(
    ("ticket", "changes", "said"),
    [
        ("T12", {"split": "train"}, "1 groups are on two sides of the split, the first is 'wifi'"),
        ("T00", {"family": "wifi"}, "1 families are on two sides of the split, the first is 'wifi'"),
        ("T00", {"id": "T01"}, "ticket 'T01': stands twice"),
        ("T00", {"text": " "}, "ticket 'T00': empty text"),
        ("T00", {"masked": None}, "ticket 'T00': empty masked"),
        ("T00", {"category": None}, "ticket 'T00': no category, expected one or an empty text"),
        ("T00", {"split": "dev"}, "ticket 'T00': split 'dev', expected one of train, validation, test"),
    ],
)
def test_rows_9_10_16_a_table_that_leaks_or_says_nothing(tmp_path, ticket, changes, said):
    assert table_refused(tmp_path, changed(ticket, **changes)) == said


def test_row_16_a_split_without_labels(tmp_path):
    table = tiny_tickets.tickets().filter(pl.col("split") != "validation")
    assert table_refused(tmp_path, table).startswith("no labelled ticket in validation, expected some in each of")


def test_row_13_a_table_without_a_column(tmp_path):
    said = "missing column 'masked', expected one of: id, text, group, family, category, split"
    assert table_refused(tmp_path, tiny_tickets.tickets().drop("masked")) == said
