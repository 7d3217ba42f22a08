"""Which tickets teach: labelled ones by their label, others by a family that does not judge."""

import polars as pl
import tiny_tickets
from in_process import run

from lib.tickets import pairs


def test_families_teach_by_tickets_without_a_label_but_not_those_of_a_judge(tmp_path):
    """Labelled tickets share their label as ever; of the others, those of one family that trains are positives."""
    table = tiny_tickets.tickets()
    family = {"X0": "vpn", "X1": "vpn", "X2": "dns", "X3": "dns", "X4": "chairs"}
    given = pl.col("id").replace_strict(family, default=pl.col("family"))
    split = pl.when(given == "dns").then(pl.lit("validation")).otherwise(pl.col("split"))
    data = tiny_tickets.write_data(tmp_path / "data", table.with_columns(family=given, split=split))
    flags = ("--per-phase", 5000, "--masked-share", 0, "--positives-share")
    texts = dict(zip(table["text"], table["id"]))
    together = {}
    for kind in ("label", "family"):
        run("build_ticket_pairs.py", "--data", data, *flags, kind, "--out", tmp_path / f"{kind}.json")
        found = pairs.read(tmp_path / f"{kind}.json")
        together[kind] = {frozenset((texts[a], texts[b])) for a, b in zip(found.anchors, found.positives)}
    assert len(together["label"]) == 5 * 15
    assert together["family"] == together["label"] | {frozenset(("X0", "X1"))}
