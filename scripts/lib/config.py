"""The configuration: checked against its schema when the plan is made, handed to scripts as flags."""

import difflib
import json
from pathlib import Path
from typing import Any

import jsonschema

from .errors import BadInput
from .files import read_json

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"


def check(config: dict[str, Any], schema: str, name: str = "config") -> None:
    """Raise BadInput for the first value that `config/schemas/<schema>.json` does not allow."""
    validator = jsonschema.Draft202012Validator(read_json(SCHEMAS / f"{schema}.json"))
    errors = sorted(validator.iter_errors(config), key=lambda error: (len(error.path), list(map(str, error.path))))
    if errors:
        raise BadInput(f"{name}: {_explain(errors[0])}")


def flags(config: dict[str, Any], *path: str) -> str:
    """The mapping at `path` as one canonical string of command-line flags, sorted by key.

    One string because Snakemake compares params as a set of values: two swapped scalars would
    not be seen. `{"batch_size": 8, "levels": [5, 6], "amp": True}` gives
    `--amp --batch-size 8 --levels '[5, 6]'`; a null or false value gives no flag.
    """
    values: Any = config
    for key in path:
        values = values[key]
    return " ".join(_flag(key, values[key]) for key in sorted(values) if values[key] not in (None, False))


def _flag(key: str, value: Any) -> str:
    flag = "--" + key.replace("_", "-")
    if value is True:
        return flag
    if isinstance(value, (list, dict)):
        return f"{flag} '{json.dumps(value, sort_keys=True)}'"
    return f"{flag} {value}"


def _explain(error: jsonschema.ValidationError) -> str:
    place = ".".join(map(str, error.absolute_path)) or "top level"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))[0]
        near = difflib.get_close_matches(unknown, known, n=1)
        return f"{place}: unknown key {unknown!r}" + (f", did you mean {near[0]!r}?" if near else "")
    if error.validator == "type" and isinstance(error.instance, str):
        return f"{place}: {error.instance!r} is text, expected {error.validator_value} (write 1.0e-4, not 1e-4)"
    return f"{place}: {error.message}"
