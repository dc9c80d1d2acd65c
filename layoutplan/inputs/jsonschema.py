"""Makes a JSON Schema of msgspec structs whose fields carry ``Limit`` annotations.

``msgspec.Meta`` is made for this and is not used: a struct tree with it crashes the interpreter at exit in about one
run of five (msgspec issue 717; seen with 0.22 on Python 3.11). msgspec ignores annotations that it does not know, so
the limits stand here, the schema is checked first, and msgspec then only decodes.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct, UnsetType

Schema = dict[str, Any]

_SIMPLE: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_KEYWORDS = {
    "least": "minimum",
    "above": "exclusiveMinimum",
    "most": "maximum",
    "pattern": "pattern",
    "longest": "maxLength",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a type cannot say. ``words`` completes "expected …" in a fault."""

    words: str = ""
    least: int | None = None
    above: int | None = None
    most: int | None = None
    pattern: str | None = None
    longest: int | None = None
    items: int | None = None
    not_empty: bool = False

    def lay_over(self, schema: Schema) -> Schema:
        """The schema with the limits as its keywords."""
        for field, keyword in _KEYWORDS.items():
            value = getattr(self, field)
            if value is not None:
                schema[keyword] = value
        if self.words:
            schema["description"] = self.words
        if self.items is not None:
            schema["minItems"] = schema["maxItems"] = self.items
        if self.not_empty:
            schema[{"array": "minItems", "object": "minProperties", "string": "minLength"}[schema["type"]]] = 1
        return schema


def schema_of(table: type[Struct], title: str) -> Schema:
    """The JSON Schema (2020-12) of a struct, the structs inside as definitions."""
    definitions: dict[str, Schema] = {}
    root = _struct(table, definitions)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **root, "$defs": definitions}


def _struct(table: type[Struct], definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(table, include_extras=True)
    fields = msgspec.structs.fields(table)
    required = [f.encode_name for f in fields if f.default is NODEFAULT and f.default_factory is NODEFAULT]
    return {
        "type": "object",
        "description": (table.__doc__ or "").replace("``", "`"),
        "properties": {
            field.encode_name: {**_type(hints[field.name], definitions), **_default(field.default)} for field in fields
        },
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _default(value: object) -> Schema:
    """What an editor shows where the key is left out; tables and "nothing" show nothing."""
    return {"default": value} if isinstance(value, str | int | float) else {}


def _type(hint: Any, definitions: dict[str, Schema]) -> Schema:  # noqa: ANN401 - a type expression has no type of its own
    if hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    if isinstance(hint, type) and issubclass(hint, Struct):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # keeps its place, so that the order is that of the fields
            definitions[hint.__name__] = _struct(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        schema = _type(arguments[0], definitions)
        for limit in arguments[1:]:
            schema = limit.lay_over(schema)
        return schema
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], definitions)}
    if origin is dict:
        names, values = (_type(argument, definitions) for argument in arguments)
        return {"type": "object", "propertyNames": names, "additionalProperties": values}
    if origin in (Union, types.UnionType):
        choices = [_type(argument, definitions) for argument in arguments if argument is not UnsetType]
        return choices[0] if len(choices) == 1 else {"anyOf": choices}
    raise TypeError(f"no JSON Schema for {hint!r}")
