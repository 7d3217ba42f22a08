"""The packaged incidents: their counts, one name for a product's spellings, and what masking hides."""

from collections import Counter

import pytest

from lib.tickets import incidents, splits
from lib.tickets.masking import mask


@pytest.fixture(scope="module")
def source():
    return incidents.read()


def test_stubs_made_of_their_own_label_are_dropped_and_counted(source):
    assert source.dropped == {"records": 15666, "stubs": 6827}
    assert len(source.tickets) == 8839
    assert not any(ticket.text.startswith(incidents.STUBS) for ticket in source.tickets)


def test_labels_are_products_and_vectors(source):
    vectors = Counter(ticket.category for ticket in source.tickets)
    assert [vectors[name] for name in ("xss", "auth-bypass", "rce", "dos", "path-traversal")] == [
        1336,
        1213,
        798,
        691,
        675,
    ]
    labels = Counter(ticket.label for ticket in source.tickets)
    assert not any(label.endswith("/ other") for label in labels if label)
    large = {label for label, size in labels.items() if label and size >= 3}
    assert len(large) == 373
    assert sum(labels[label] for label in large) == 2802
    assert all(ticket.family for ticket in source.tickets if ticket.label)


def test_products_named_after_another_are_its_family():
    names = ["xwiki", "xwikicommonsxml", "xwikiplatform", "n8n", "n8nmcp", "vllm", "langchain", "langchain4jpgvector"]
    names += ["langchain4j", "lang"]
    found = incidents.families(names)
    assert {name for name in names if found[name] == "xwiki"} == {"xwiki", "xwikicommonsxml", "xwikiplatform"}
    assert found["langchain4jpgvector"] == found["langchain"] == "langchain"  # not "lang": too short to be a sign
    assert found["n8nmcp"] == "n8nmcp" and set(found) == set(names)


def test_a_record_of_several_families_is_of_none(source):
    """Whichever it were given to, the others would be on another side of the split."""
    from genai_incidents import load_incidents

    affected = {record["id"]: record["affected"] for record in load_incidents()}
    listed = {id: {incidents.product_of(one)[0] for one in named.split(",")} for id, named in affected.items()}
    praison = {ticket.family for ticket in source.tickets if "praisonaiagents" in listed[ticket.id]}
    assert praison == {"praisonai"}
    several = [ticket for ticket in source.tickets if {"phpexcel", "phpspreadsheet"} <= listed[ticket.id]]
    assert several and all(ticket.family is None and ticket.label is None for ticket in several)


def test_no_text_bears_a_number_that_names_a_record(source):
    assert not [t.id for t in source.tickets if "CVE-20" in t.text or "GHSA-" in t.text][:3]


@pytest.mark.parametrize(
    ("fields", "product"),
    [
        (["pip/open-webui", "openwebui/open_webui", "Open WebUI"], "openwebui"),
        (["n8n-io/n8n", "npm/n8n", "N8N 1.2.3", "n8n <= 1.2"], "n8n"),
        (["IBM/Langflow OSS", "pip/langflow", "langflow/langflow"], "langflow"),
        (["go/github.com/fleetdm/fleet/v4, go/github.com/fleetdm/fleet"], "fleet"),
        (["composer/craftcms/cms"], "craftcmscms"),
        (
            ["maven/com.liferay.portal:release.dxp.bom", "maven/com.liferay.portal:release.portal.bom"],
            "comliferayportal",
        ),
        (["", " , "], ""),
    ],
)
def test_a_product_has_one_name(fields, product):
    assert {incidents.product_of(field)[0] for field in fields} == {product}


@pytest.mark.parametrize(
    ("text", "names", "vector", "masked"),
    [
        (
            "Open WebUI before 0.6.1: stored XSS in open_webui and OpenWebUI",
            ["open-webui"],
            "xss",
            "product before version: stored issue in product and product",
        ),
        ("Cross-Site Scripting (XSS) in GoKart", ["kart"], "xss", "issue (issue) in GoKart"),
        ("A denial of service (DoS) of R2", ["r2"], "dos", "A issue (issue) of R2"),
        ("Bypass of authentication in v2.0.0-rc1", [], "auth-bypass", "issue in version"),
        ("Prompt injection, then SQL injection", [], "prompt-injection", "issue, then SQL injection"),
        ("model-theft and model theft", [], "model-theft", "issue and issue"),
        ("LangFlow OSS by IBM", ["ibm", "langflow oss", "langflow"], "rce", "product by product"),
    ],
)
def test_names_versions_and_vectors_are_hidden(text, names, vector, masked):
    assert mask(text, names, vector) == masked


def test_no_masked_text_says_its_own_product_or_family(source):
    """Long names only: a short one may be part of another word."""
    labelled = [ticket for ticket in source.tickets if ticket.label]
    words = [({ticket.family, ticket.label.split(" / ")[0]}, set(ticket.masked.lower().split())) for ticket in labelled]
    assert [names & told for names, told in words if any(len(name) > 5 for name in names & told)] == []
    changed = sum(ticket.masked != ticket.text for ticket in labelled)
    assert changed > 0.9 * len(labelled)


def test_the_default_sizes_leave_enough_labels_on_every_side(source):
    """The amounts that the README and the configuration speak of."""
    sizes = splits.Sizes(3, test_share=0.36, validation_share=0.13, seed=1, max_labelled=2150, max_unlabelled=3000)
    kept, dropped = splits.without_repeats(source.tickets)
    assert (len(kept), dropped["repeats"]) == (8739, 100)
    tickets, _ = splits.resize(kept, sizes)
    sides = splits.assign(tickets, sizes)
    groups = {(side, ticket.label) for ticket, side in zip(tickets, sides) if ticket.label}
    assert len(tickets) == 5150
    assert Counter(side for side, _ in groups) == {"train": 196, "validation": 38, "test": 132}
