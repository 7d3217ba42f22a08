"""The configuration: checked against its schema when the plan is made, handed to scripts as flags."""

import difflib
import json
import math
import shlex
from pathlib import Path
from typing import Any

import jsonschema

from .errors import BadInput
from .files import read_json

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# Stricter than JSON Schema: no NaN (it slips through every minimum), and 8.0 is no integer (argparse refuses it).
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)


def check(config: Any, schema: str, name: str = "config") -> None:
    """Raise BadInput for the first value that `config/schemas/<schema>.json` does not allow."""
    validator = Validator(read_json(SCHEMAS / f"{schema}.json"))
    errors = sorted(validator.iter_errors(config), key=lambda error: (len(error.path), list(map(str, error.path))))
    if errors:
        raise BadInput(f"{name}: {_explain(errors[0])}")


def read(path: Path | str, schema: str) -> Any:
    """What a JSON file holds, checked against `config/schemas/<schema>.json`."""
    content = read_json(path)
    check(content, schema, str(path))
    return content


def flags(config: dict[str, Any], *path: str) -> str:
    """The mapping at `path` as one canonical string of command-line flags, sorted by key.

    One string because Snakemake compares params as a set of values: two swapped scalars would
    not be seen. `{"batch_size": 8, "levels": [5, 6], "amp": True}` gives
    `--amp --batch-size 8 --levels '[5, 6]'`; a null or false value gives no flag.
    """
    values: Any = config
    for key in path:
        values = values[key]
    given = {key: value for key, value in values.items() if value is not None and value is not False}
    return " ".join(_flag(key, given[key]) for key in sorted(given))


def _flag(key: str, value: Any) -> str:
    flag = "--" + key.replace("_", "-")
    if value is True:
        return flag
    text = json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else str(value)
    return f"{flag}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}"  # argparse takes a bare -1e-5 for a flag


def _explain(error: jsonschema.ValidationError) -> str:
    place = ".".join(map(str, error.absolute_path)) or "top level"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = min(set(map(str, error.instance)) - set(known))
        near = difflib.get_close_matches(unknown, known, n=1)
        return f"{place}: unknown key {unknown!r}" + (f", did you mean {near[0]!r}?" if near else "")
    if error.validator == "type" and isinstance(error.instance, str):
        hint = " (write 1.0e-4, not 1e-4)" if "number" in error.validator_value else ""
        return f"{place}: {error.instance!r} is text, expected {error.validator_value}{hint}"
    if error.validator in ("oneOf", "anyOf") and "description" in error.schema:
        return f"{place}: expected {error.schema['description']}"
    return f"{place}: {error.message}"
