"""The original's settings under their own names: from the environment, else from a file `.env` in the working folder.

Only the names below are read, so a password that stands beside them is never looked at, written or printed.
TEMPERATURE is not among them: the number is an expected value and the words are chosen greedily.
"""

import os
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..files import read_text

KNOBS = {
    "MODEL_NAME": "model",
    "MODEL_CACHE_DIR": "model_cache_dir",
    "USE_4BIT": "use_4bit",
    "MAX_NEW_TOKENS": "max_new_tokens",
    "RAG_TOP_K": "rag_top_k",
}
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no", "")


def asked(folder: Path = Path()) -> dict[str, Any]:
    """The knobs that are set, by the name of our flag; BadInput for a value that cannot be one."""
    given = {**_file(folder / ".env"), **{name: os.environ[name] for name in KNOBS if name in os.environ}}
    return {KNOBS[name]: _value(name, text) for name, text in given.items()}


def _file(path: Path) -> dict[str, str]:
    lines = read_text(path).splitlines() if path.is_file() else []
    pairs = (line.removeprefix("export ").partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs if name.strip() in KNOBS}


def _value(name: str, text: str) -> Any:
    if name == "USE_4BIT":
        if text.lower() not in (*TRUE, *FALSE):
            raise BadInput(f"environment: USE_4BIT {text!r}, expected True or False")
        return text.lower() in TRUE
    if name in ("MAX_NEW_TOKENS", "RAG_TOP_K"):
        if not text.isdecimal() or int(text) < 1:
            raise BadInput(f"environment: {name} {text!r}, expected a whole number from 1 on")
        return int(text)
    return text
