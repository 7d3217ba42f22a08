"""An export as a service desk writes it: byte order mark, semicolons, quoted newlines, NULLs, numbers inside texts."""

from pathlib import Path

HEADER = "number;opened_at;short_description;description;category;problem_id;parent_incident;close_notes"
TOPICS = {
    "PRB01": ("Network", "VPN tunnel drops", "The tunnel closes\nafter ten minutes."),
    "PRB02": ("Hardware", "Printer jams", 'Tray "2" does not feed; paper is stuck.'),
    "PRB03": ("Access", "Password mail missing", "The reset mail never arrives."),
    "PRB04": ("Network", "Wireless is weak", "No signal\r\nin the meeting room."),
    "PRB05": ("Billing", "Invoice booked twice", "March was charged a second time."),
    "PRB06": ("Hardware", "Monitor stays black", "Nothing on the dock's second screen."),
    "PRB07": ("Access", "Badge refused", "The north gate does not open."),
}
PLACES = ["in Basel", "on floor three", "for all of sales", "since the weekend"]


def rows() -> list[list[str]]:
    """Four tickets of each of seven problems, and some that only make work."""
    tickets = []
    for topic, (problem, (category, title, told)) in enumerate(TOPICS.items()):
        for at, place in enumerate(PLACES):
            number = f"INC00{topic}{at}001"
            opened = f"2025-0{topic + 1}-1{at} 08:00:00"
            text = f"{number}: {told} Seen {place}."
            tickets.append([number, opened, f"{title} {place}", text, category, problem, "", "Restarted it."])
    tickets += [
        ["INC0090001", "2025-09-01 08:00:00", "", "NULL", "Network", "NULL", "", "no text at all"],
        ["INC0090002", "2025-09-02 08:00:00", "Order chairs", " ", "NULL", "", "", ""],
        ["INC0090003", "2025-09-03 08:00:00", "Lift stops", "Lift stops between two floors", "n/a", "", "", ""],
        ["INC0090004", "2025-01-01 08:00:00", "vpn tunnel drops, in basel", tickets[0][3], "Network", "", "", ""],
    ]
    return [*tickets, tickets[5]]


def text(separator: str = ";") -> str:
    """The export; cells that need it are quoted."""

    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if set(value) & set(f'{separator}"\r\n') else value

    lines = [HEADER.replace(";", separator), *(separator.join(map(cell, row)) for row in rows())]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def write(path: Path, content: str | None = None, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((text() if content is None else content).encode(encoding))
    return path
