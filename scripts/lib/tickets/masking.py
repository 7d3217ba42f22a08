"""Hide the words that give a label away: names of the product, its versions, usual spellings of the attack vector.

What stays is how the problem is described. A hidden word is replaced by one that is the same for all
products, versions or vectors, so that it says nothing and the sentence still reads.
"""

import re
from collections.abc import Iterable
from functools import cache

PRODUCT, VERSION, VECTOR = "product", "version", "issue"
NUMBERS = re.compile(r"\bv?\d+(?:\.[\dx*]+)+(?:[.+-]\w+)*", re.IGNORECASE)  # 1.123.32, v2.0.0-rc1, 4.x
SHORTEST = 3  # letters and digits; shorter names are also ordinary words

_CODE = r"(?:code|commands?)"
_AUTH = r"auth(?:entication|ori[sz]ation|n|z)?"
SPELLINGS = {
    "xss": [r"cross[\s-]*site[\s-]*script\w*", r"xss"],
    "auth-bypass": [
        rf"{_AUTH}[\s-]*bypass\w*",
        rf"bypass\w*\s+(?:of\s+|the\s+)*{_AUTH}",
        rf"(?:improper|missing|broken|incorrect|insufficient)\s+(?:access\s+control|{_AUTH})",
    ],
    "rce": [rf"(?:remote|arbitrary)\s+{_CODE}\s+execution", rf"execut\w*\s+(?:of\s+)?arbitrary\s+{_CODE}", r"rce"],
    "dos": [r"denial[\s-]*of[\s-]*service", r"dos"],
    "path-traversal": [r"(?:path|directory)[\s-]*traversals?"],
    "ssrf": [r"server[\s-]*side[\s-]*request[\s-]*forger\w+", r"ssrf"],
    "info-disclosure": [r"info(?:rmation)?[\s-]*(?:disclosure|exposure|leak\w*)"],
    "command-injection": [r"(?:os[\s-]*)?command[\s-]*injections?"],
    "prompt-injection": [r"prompt[\s-]*injections?"],
    "deserialization": [r"deseriali[sz]\w+"],
    "sql-injection": [r"sql[\s-]*injections?", r"sqli"],
    "data-exfiltration": [r"(?:data[\s-]*)?exfiltrat\w+"],
    "jailbreak": [r"jail[\s-]*break\w*"],
    "sandbox-escape": [r"sandbox[\s-]*(?:escape|bypass)\w*", r"escap\w+\s+(?:from\s+)?(?:the\s+)?sandbox"],
}


def mask(text: str, names: Iterable[str], vector: str) -> str:
    """The text with every name, version and spelling of the vector replaced.

    A name is found in any spelling that differs by case, blanks, hyphens and the like: "open-webui"
    also hides "Open WebUI". Names of fewer than SHORTEST letters and digits are left.
    """
    keys = {key for name in names if len(key := letters(name)) >= SHORTEST}
    for key in sorted(keys, key=lambda key: (-len(key), key)):  # the longest first: others are parts of it
        text = _name_pattern(key).sub(PRODUCT, text)
    return _vector_pattern(vector).sub(VECTOR, NUMBERS.sub(VERSION, text))


def letters(name: str) -> str:
    """The letters and digits of a name, in lower case: what its spellings have in common."""
    return "".join(re.findall(r"[^\W_]+", name.lower()))


@cache
def _name_pattern(key: str) -> re.Pattern[str]:
    return re.compile(r"(?<![^\W_])" + r"[\W_]?".join(key) + r"(?![^\W_])", re.IGNORECASE)


@cache
def _vector_pattern(vector: str) -> re.Pattern[str]:
    spellings = SPELLINGS.get(vector, [r"[\s-]*".join(map(re.escape, vector.split("-"))) + r"(?:s|es)?"])
    return re.compile(rf"\b(?:{'|'.join(spellings)})\b", re.IGNORECASE)
