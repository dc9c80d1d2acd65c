"""Reads a TOML text and holds it against the schema: every departure is one fault in plain words."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.faults import Faults, nearest
from layoutplan.inputs.location import dotted, printable

MAX_BYTES = 4 << 20
"""A manifest of this size is a mistake (the wrong file was named), and reading it would cost minutes."""


MAX_DEPTH = 16
"""No key of a manifest or a lock is this deep."""

_TOO_DEEP = "arrays or tables are nested too deeply"
_CORRECT = "correct the TOML there: keys, strings and brackets"
_ANOTHER_FILE = "name the manifest: this is some other file"

SCHEMA_HINT = "`layoutplan schema` lists every key and what it takes"


def parse_toml(data: bytes, name: str, *, hint: str = _CORRECT) -> dict[str, Any]:
    """The tables of a TOML file; ``BadInput`` with the reader's line and column when it is not TOML."""
    if len(data) > MAX_BYTES:
        raise BadInput(
            [_not_toml(f"{len(data)} bytes is more than the {MAX_BYTES} that a manifest may have", name, _ANOTHER_FILE)]
        )
    try:
        tables = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            [_not_toml(f"byte {error.start} is not UTF-8", f"{name}:{line}", "save the file as UTF-8")]
        ) from None
    except RecursionError:
        raise BadInput([_not_toml(_TOO_DEEP, name, hint)]) from None
    except ValueError as error:
        # tomllib.TOMLDecodeError, or Python's own limit on the digits of one number.
        raise BadInput([_not_toml(str(error), name, hint)]) from None
    if _deeper_than(MAX_DEPTH, tables):
        raise BadInput([_not_toml(_TOO_DEEP, name, hint)])
    return tables


def _deeper_than(limit: int, tables: dict[str, Any]) -> bool:
    """Whether a value is nested more than ``limit`` deep. Dotted keys nest without the reader's own recursion."""
    level: list[Any] = [tables]
    for _ in range(limit):
        inner = (value.values() if isinstance(value, dict) else value for value in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def _not_toml(message: str, where: str, hint: str) -> Fault:
    return Fault(code="not-toml", message=message, where=where, hint=hint)


def check_shape(
    tables: Mapping[str, Any], schema: Mapping[str, Any], faults: Faults, *, hint: str = SCHEMA_HINT
) -> None:
    """Add one fault for each way in which ``tables`` depart from the JSON Schema; ``hint`` where nothing is nearer."""
    import jsonschema_rs

    plain = _plain(tables)
    for error in jsonschema_rs.validator_for(dict(schema)).iter_errors(plain):
        steps, kind = error.schema_path, error.kind.name
        path = [_unmarked(step) if isinstance(step, str) else step for step in error.instance_path]
        value = _value(plain, error.instance_path)
        at = dotted(path) or "the manifest"
        if kind == "additionalProperties":
            known = _node(schema, steps[:-1])["properties"]
            for key in sorted(_unmarked(key) for key in set(value) - set(known)):
                faults.add(
                    "unknown-key",
                    [*path, key],
                    f"`{printable(key)}` is not a key of {_table(path)}",
                    nearest(key, known),
                )
        elif isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
            key = str(error.kind.property)
            faults.add("missing-key", [*path, key], f"{_table(path)} needs `{key}`", _expected(schema, steps[:-1], key))
        elif kind == "propertyNames":
            names = _node(schema, steps[: steps.index("propertyNames") + 1])
            for key in map(_unmarked, value):
                if not re.fullmatch(names["pattern"], key) or "\n" in key or len(key) > names["maxLength"]:
                    text = f"{_shown(key)} is not {names['description']}"
                    faults.add("bad-name", [*path, key], text, f"rename it, to `{_renamed(key)}` for instance")
        else:
            value = _value(tables, path)
            text = f"`{at}` is {_shown(value)}, expected {_wanted(schema, steps)}"
            words = [word for word in _node(schema, steps[:-1]).get("enum", ()) if isinstance(word, str)]
            faults.add("bad-value", path, text, nearest(value, words) if isinstance(value, str) and words else hint)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    """The value with what JSON lacks (dates, NaN, infinities, integers past 64 bits) as null, which nothing accepts.

    Floats stay floats, and no float is a whole number.
    """
    if isinstance(value, dict):
        return {_marked(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.date | datetime.time) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        # To JSON Schema 1.0 is a whole number; to TOML, and to whoever wrote a size as 1.0 by mistake, it is not.
        return math.nextafter(value, 0.0) if value else -0.5
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 63:
        return None
    return value


_MARK = "#"


def _marked(key: str) -> str:
    """``key``, or one that the validator does not take for an array's index: it reports "0", "00" and "+0" all as 0."""
    return _MARK + key if key[:1] in ("+", _MARK) or key[:1].isdecimal() else key


def _unmarked(key: str) -> str:
    return key.removeprefix(_MARK)


def _node(schema: Mapping[str, Any], steps: Sequence[str | int]) -> Mapping[str, Any]:
    node: Any = schema
    for step in steps:
        node = node[step]
    return node  # type: ignore[no-any-return]  # a JSON Schema's objects are mappings


def _value(tables: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401 - whatever TOML holds
    for step in path:
        tables = tables[step]
    return tables


def _table(path: Sequence[str | int]) -> str:
    return f"[{dotted(path)}]" if path else "the manifest"


def _renamed(key: str) -> str:
    """A name as near to ``key`` as the rules for names allow."""
    letters = re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-")[:60]
    return letters if letters[:1].isalpha() else f"c-{letters}".rstrip("-")


def _shown(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = printable(text)
    return text if len(text) <= 60 else text[:57] + "…"


_TYPES = {
    "string": "text in quotes",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "a table",
}


def _wanted(schema: Mapping[str, Any], steps: Sequence[str | int]) -> str:
    """What the schema asks for at the place where one keyword was not met."""
    return _describe(schema, _node(schema, steps[:-1]))


def _expected(schema: Mapping[str, Any], steps: Sequence[str | int], key: str) -> str:
    return "give " + _describe(schema, _node(schema, steps)["properties"][key])


def _describe(schema: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    if node.get("type") == "object":
        return "a table that is not empty" if node.get("minProperties") else "a table"
    if "description" in node:
        return str(node["description"])
    if "enum" in node:
        return " or ".join(f'"{word}"' if isinstance(word, str) else str(word) for word in node["enum"])
    text = _TYPES[node["type"]]
    if "minimum" in node and "maximum" in node:
        text += f" from {node['minimum']} to {node['maximum']}"
    elif "exclusiveMinimum" in node:
        text += f" above {node['exclusiveMinimum']} and at most {node['maximum']:g}"
    if node.get("minItems"):
        text += " that is not empty"
    return text
