"""A few dozen service-desk tickets for tests: ten problems of six tickets each, and eight tickets of none.

Each problem is told in words of its own, so that a random encoder separates nothing and TF-IDF much;
the fifth ticket of a problem shares no telling word with the others, and its sixth borrows the words of the next
problem, so that easy, medium, hard and adversarial pairs exist.
"""

from pathlib import Path

import polars as pl

from lib import files
from lib.tickets import dataset

PROBLEMS = {
    "vpn": ("network", "the vpn tunnel drops after the token expires", "remote access is cut off every morning"),
    "wifi": ("network", "wireless signal is weak in the meeting room", "laptops cannot join the office hotspot"),
    "dns": ("network", "host names do not resolve on the intranet", "internal pages are unknown to the browser"),
    "printer": ("hardware", "the printer jams and blinks an orange light", "paper gets stuck on the third floor"),
    "monitor": ("hardware", "the external monitor stays black on the dock", "second screen shows nothing at all"),
    "battery": ("hardware", "the battery of the notebook does not charge", "my machine dies when unplugged"),
    "password": ("access", "the password reset mail never arrives", "credentials cannot be renewed"),
    "badge": ("access", "the badge is refused at the north gate", "the door stays closed for my card"),
    "invoice": ("billing", "the invoice of march was booked twice", "accounting charged us a second time"),
    "payroll": ("billing", "the payroll export misses overtime hours", "extra work is not on the pay slip"),
}
BACKGROUND = [
    "please order four new chairs for the reception",
    "the coffee machine needs water",
    "how do I book a parking space for a visitor",
    "the calendar shows the wrong time zone",
    "translation of the handbook into french is wanted",
    "newsletter pictures are too large",
    "a plant in the hallway needs care",
    "the lift stops between two floors",
]
SPLIT_OF = {"dns": "validation", "battery": "validation", "wifi": "test", "badge": "test", "payroll": "test"}
SAID = "the tickets of the tests"


def tickets() -> pl.DataFrame:
    """The table that prepare_tickets.py would write."""
    names = list(PROBLEMS)
    rows = []
    for at, (name, (category, told, otherwise)) in enumerate(PROBLEMS.items()):
        following = PROBLEMS[names[(at + 1) % len(names)]][1]
        texts = [
            f"{told} since monday",
            f"again: {told}, please help",
            f"user reports that {told} in building seven",
            f"urgent, {told} and the {name} team knows",
            f"{otherwise} as last year",
            f"{otherwise}, as if {following}",
        ]
        for number, text in enumerate(texts):
            masked = " ".join("it" if word == name else word for word in text.split())
            rows.append((f"T{at}{number}", text, masked, name, name, category, SPLIT_OF.get(name, "train")))
    rows += [(f"X{at}", text, text, None, None, "other", "train") for at, text in enumerate(BACKGROUND)]
    return pl.DataFrame(rows, schema=dataset.TICKET_SCHEMA, orient="row").sort("id")


def foreign() -> pl.DataFrame:
    """Four crops of three texts each."""
    fruit = {"citrus": ("orange grove", "lemon orchard", "lime trees"), "grain": ("wheat field", "barley", "oat mill")}
    fruit |= {"nut": ("walnut farm", "almond trees", "hazel"), "berry": ("straw berries", "cranberry bog", "blueberry")}
    rows = [(f"{text} of the {group} region", group) for group, texts in fruit.items() for text in texts]
    return pl.DataFrame(rows, schema=dataset.FOREIGN_SCHEMA, orient="row")


def write_data(folder: Path, table: pl.DataFrame | None = None) -> Path:
    """The folder that prepare_tickets.py would write."""
    folder.mkdir(parents=True, exist_ok=True)
    (tickets() if table is None else table).write_parquet(folder / dataset.TICKETS)
    foreign().write_parquet(folder / dataset.FOREIGN)
    about = {"source": "tiny", "said": SAID, "split": {"seed": 1, "sha256": "0" * 64}}
    files.write_json(folder / dataset.SOURCE, about)
    return folder
