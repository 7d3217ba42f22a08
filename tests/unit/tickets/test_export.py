"""Exports of a service desk by a column map: what is read, what becomes the label, what never becomes text."""

import networkx as nx
import polars as pl
import pytest
import service_desk
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.tickets import export, sources, tables
from lib.tickets.source import clean

COLUMNS = {
    "id": "number",
    "text": ["short_description", "description"],
    "labels": ["problem_id", "category"],
    "category": "category",
    "date": "opened_at",
}


def read(*paths, **changes):
    return export.read(list(paths), export.columns_of({**COLUMNS, **changes}), 3, "files", "said")


@pytest.fixture
def exported(tmp_path):
    return service_desk.write(tmp_path / "incidents.csv")


def test_an_export_is_read_and_what_is_left_out_is_counted(exported):
    source = read(exported)
    by_id = {ticket.id: ticket for ticket in source.tickets}
    assert source.dropped == {"records": 33, "same_row": 1, "empty": 1}
    assert len(source.tickets) == len(by_id) == 31
    first = by_id["INC0000001"]
    assert first.text == "VPN tunnel drops in Basel. The tunnel closes after ten minutes. Seen in Basel."
    assert (first.label, first.family, first.category) == ("PRB01", "PRB01", "Network")
    assert by_id["INC0090002"].label is None and by_id["INC0090002"].category == ""
    assert by_id["INC0090003"].text == "Lift stops between two floors"
    assert 'Tray "2" does not feed; paper is stuck.' in by_id["INC0010001"].text


def test_the_first_opened_comes_first(exported):
    assert read(exported).tickets[0].id == "INC0090004"
    assert read(exported, date=None).tickets[0].id == "INC0000001"


@pytest.mark.parametrize("separator", [",", "\t", "|"])
def test_any_usual_separator(tmp_path, exported, separator):
    other = service_desk.write(tmp_path / "other.csv", service_desk.text(separator))
    assert read(other).tickets == read(exported).tickets


def test_parquet_of_the_same_rows_is_the_same(tmp_path, exported):
    table = tables.read(exported, service_desk.HEADER.split(";"))
    table.write_parquet(tmp_path / "incidents.parquet")
    assert read(tmp_path / "incidents.parquet").tickets == read(exported).tickets


def test_several_files_are_one_table_and_rows_without_id_get_one(tmp_path):
    paths = []
    for name, topics in (("a", "xyz"), ("b", "uvw")):
        lines = [f"{topic} {word},{topic}" for topic in topics for word in ("one", "two", "three")]
        paths.append(service_desk.write(tmp_path / f"{name}.csv", "text,label\n" + "\n".join(lines)))
    source = export.read(paths, export.columns_of({"text": ["text"], "labels": ["label"]}), 3, "files", "")
    assert [ticket.id for ticket in source.tickets][::9] == ["a-0000001", "b-0000001"]
    assert len({ticket.id for ticket in source.tickets}) == 18
    assert sorted(source.files) == ["a.csv", "b.csv"]


def test_the_label_is_the_first_column_that_has_enough(exported, capsys):
    labels = {ticket.label for ticket in read(exported, labels=["parent_incident", "problem_id", "category"]).tickets}
    assert labels == {*service_desk.TOPICS, None}
    assert "7 values of problem_id with 3 tickets or more, 28 of 32 tickets" in capsys.readouterr().err


def test_texts_known_later_are_never_read(exported):
    for name in ("close_notes", "resolution_text", "Work_notes"):
        with pytest.raises(BadInput, match=rf"columns\.text: '{name}' is written later"):
            read(exported, text=["short_description", name])
    with pytest.raises(BadInput, match=r"columns\.text: 'number' is the ticket's number"):
        read(exported, text=["number"])


@pytest.mark.parametrize(
    ("parts", "own", "said"),
    [
        (["Printer jams", "printer jams on floor 3"], None, "printer jams on floor 3"),
        (["Printer jams.", None, "Tray 2"], None, "Printer jams. Tray 2"),
        (["INC0012345: Printer jams", "see PRB0000001"], None, "Printer jams. see"),
        (["T-17 fails", "again T-17"], "T-17", "fails. again"),
        (["Overflow in x (CVE-2023-6569)", "GHSA-aaaa-bbbb-cccc"], None, "Overflow in x"),
        ([None, " \n\t"], None, ""),
    ],
)
def test_texts_are_cleaned(parts, own, said):
    assert clean(parts, own) == said


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 19)), max_size=14, unique_by=lambda link: link[0]))
def test_links_join_what_networkx_calls_connected(links):
    """Tickets 0..14 are in the export, 15..19 are not."""
    target = dict(links)
    ids = [f"T{number:02d}" for number in range(15)]
    table = pl.DataFrame({"its id": ids, "parent": [f"T{target[n]:02d}" if n in target else None for n in range(15)]})
    graph = nx.Graph((f"T{a:02d}", f"T{b:02d}") for a, b in links if a != b)
    expected = {id: min(part) for part in nx.connected_components(graph) for id in part}
    assert export._linked(table, "parent") == [expected.get(id) for id in ids]


def test_duplicate_links_are_labels_before_any_column(tmp_path):
    lines = ["id,text,dup,label"]
    for group in range(6):
        lines += [f"{group}{at},text {group} {at},{f'{group}0' if at else ''},all" for at in range(3)]
    path = service_desk.write(tmp_path / "a.csv", "\n".join(lines))
    columns = export.columns_of({"id": "id", "text": ["text"], "labels": ["label"], "duplicate_of": "dup"})
    tickets = export.read([path], columns, 3, "files", "").tickets
    assert [ticket.label for ticket in tickets] == [f"{group}0" for group in range(6) for _ in range(3)]


def test_public_sets_come_from_the_data_folder_and_need_it():
    with pytest.raises(BadInput, match="source banking77 is in the data folder, expected the config key data_dir"):
        sources.load("banking77", None, [], None, 3)
    with pytest.raises(BadInput, match="source files needs the keys files and columns"):
        sources.load("files", None, [], None, 3)


def test_clinc150_reads_its_json(tmp_path):
    path = service_desk.write(
        tmp_path / "clinc150" / sources.CLINC150, '{"train": [["pay my bill", "pay"]], "oos_val": [["sing", "oos"]]}'
    )
    source = sources.load("clinc150", path.parent.parent, [], None, 3)
    assert [(t.id, t.text, t.label) for t in source.tickets] == [
        ("oos_val-00000", "sing", None),
        ("train-00000", "pay my bill", "pay"),
    ]
