"""The published JSON Schema of the report. Additions are allowed everywhere; what is named here stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

LARGEST = 1 << 34
"""A PMP matches physical addresses of 34 bits; every range ends there or below."""

BYTES: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
EXTENT: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST}
ADDRESS: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
COUNT: Schema = {"type": "integer", "minimum": 0}
NAME: Schema = {"type": "string", "minLength": 1}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
ACCESS: Schema = {"type": "string", "pattern": "^r?w?x?$"}


def report_schema() -> Schema:
    """The schema, draft 2020-12, of what ``solve --format json`` and ``report --format json`` print."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "layoutplan report",
        "description": "Addresses and sizes are bytes; ranges are half-open, base <= address < end.",
        **_object(
            {
                "version": {"const": 1},
                "manifest": _described("file name of the manifest", NAME),
                "isolation": _list({"enum": ["mpu", "software", "none"]}),
                "unit": {"enum": ["armv6m", "armv7m", "armv8m", "pmp", "none"]},
                "target": _target(),
                "feasible": _described(
                    "null: undecided within the effort, neither yes nor no", {"type": ["boolean", "null"]}
                ),
                "blocks": _list(_block()),
                "components": _list(_component()),
                "shares": _list(_share()),
                "tasks": _list(_task()),
                "memories": _list(_memory()),
                "reserves": _list(_object({"memory": NAME, "base": ADDRESS, "end": ADDRESS})),
                "peripherals": _list(_peripheral()),
                "switch": _nullable(_object({"stores": COUNT, "dynamic_slots": COUNT})),
                "slots": _nullable(_object(dict.fromkeys(_SLOT_COUNTS, COUNT))),
                "cost_vs_none": _nullable(_cost()),
                "registers": _described(
                    "the state of every hardware slot while each partition runs", _list(_register())
                ),
                "objective": _nullable(_objective()),
                "software": _map(_object({"base": ADDRESS, "size": BYTES, "mask": {"type": "integer"}})),
                "proof": _proof(),
                "core": _list(_object({"name": NAME, "text": NAME, "where": TEXT})),
                "core_minimal": _described(
                    "true only when each constraint of the core was shown to be needed", {"type": ["boolean", "null"]}
                ),
                "remedies": _list(_object({"text": NAME, "cost": NUMBER})),
                "undecided": _described("why there is no answer", {"type": ["string", "null"]}),
                "advice": _described("null where nobody asked for any", _nullable(_list(_advice()))),
                "notes": _list(_object({"code": NAME, "text": NAME})),
            }
        ),
    }


_SLOT_COUNTS = ("first_static", "static", "first_dynamic", "dynamic", "first_reserved", "reserved")


def _object(properties: Mapping[str, Schema]) -> Schema:
    """An object that has all of ``properties``; others may stand beside them."""
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _described(text: str, schema: Schema) -> Schema:
    return {"description": text, **schema}


def _ranges() -> Schema:
    return _list(_object({"base": ADDRESS, "end": ADDRESS}))


def _target() -> Schema:
    return _object(
        {
            "chip": {"type": ["string", "null"]},
            "unit": _described("the unit that the chip has, whether or not the plan uses it", NAME),
            "slots": COUNT,
            "verified": _described("whether every fact of the catalogue entry has a source", FLAG),
        }
    )


def _block() -> Schema:
    part = {
        "name": NAME,
        "role": NAME,
        "component": {"type": ["string", "null"]},
        "base": ADDRESS,
        "size": EXTENT,
    }
    return _object(
        {
            "name": NAME,
            "partition": _described("a partition, shared:<name>, shared:code or runtime", NAME),
            "memory": NAME,
            "kind": {"enum": ["code", "rodata", "data", "shared"]},
            "base": ADDRESS,
            "used": _described("bytes asked for, at the bottom of the block", BYTES),
            "granted": _described("bytes that the regions expose", EXTENT),
            "padding": _described("granted - used", BYTES),
            "slots": COUNT,
            "access": _described("the widest rights that any partition has", ACCESS),
            "granted_to": _list(NAME),
            "rights": _map(ACCESS),
            "align": {"type": "integer", "minimum": 1},
            "pinned": FLAG,
            "cover": _described("the regions, ascending; empty without a protection unit", _ranges()),
            "denied": _described("beside it, matched by the first or last region and denied by others", _ranges()),
            "parts": _list(_object(part)),
        }
    )


def _component() -> Schema:
    share = _object({"block": NAME, "used": BYTES, "padding": BYTES})
    return _object(
        {
            "name": NAME,
            "partition": NAME,
            "trust": {"enum": ["verified", "untrusted"]},
            "memory": NAME,
            "used": BYTES,
            "padding": _described("the padding of its blocks, shared by use", BYTES),
            "blocks": _list(share),
        }
    )


def _share() -> Schema:
    return _object(
        {"name": NAME, "memory": NAME, "base": ADDRESS, "used": BYTES, "padding": BYTES, "rights": _map(ACCESS)}
    )


def _task() -> Schema:
    return _object(
        {
            "name": NAME,
            "component": NAME,
            "partition": NAME,
            "entry": NAME,
            "block": NAME,
            "base": ADDRESS,
            "stack": EXTENT,
            "overflow_faults": _described("whether the byte below the stack is out of the partition's reach", FLAG),
        }
    )


def _memory() -> Schema:
    gap = "unowned bytes from the lowest block that is not pinned to the memory's end"
    bound = "proved for this memory with the others as they are: least waste, and the bytes that might still be saved"
    return _object(
        {
            "name": NAME,
            "origin": ADDRESS,
            "length": EXTENT,
            "used": BYTES,
            "kernel": _described("declared minimum, its stack, and the partitions' load images", BYTES),
            "load_images": BYTES,
            "padding": BYTES,
            "gap": _described(gap, BYTES),
            "reserved": BYTES,
            "free": BYTES,
            "span": _described("used + padding + gap", BYTES),
            "waste": _described("(span - used) / span", {"type": "number", "minimum": 0, "maximum": 1}),
            "bound": _described(bound, _object({"waste": BYTES, "proved_gap": BYTES})),
        }
    )


def _peripheral() -> Schema:
    return _object(
        {
            "name": NAME,
            "partition": NAME,
            "base": ADDRESS,
            "size": EXTENT,
            "excess": _described("bytes granted beyond the range, accepted in writing", BYTES),
            "slots": COUNT,
            "cover": _ranges(),
        }
    )


def _cost() -> Schema:
    tight = "padding and gap per memory, less the gap of the same blocks packed in the same order without rounding"
    return _object(
        {
            "bytes": _described(tight, _map(BYTES)),
            "stores": _described("register stores per switch between partitions", COUNT),
            "instructions": _described("null where it was not measured", {"type": ["integer", "null"]}),
        }
    )


def _register() -> Schema:
    word = {"type": "integer", "minimum": 0, "maximum": 0xFFFF_FFFF}
    words = [{"rbar": word, "rasr": word}, {"rbar": word, "rlar": word}, {"pmpaddr": word, "pmpcfg": word}]
    return _object(
        {
            "partition": NAME,
            "slot": COUNT,
            "words": {"oneOf": [_object(pair) for pair in words]},
            "owner": {"type": ["string", "null"]},
            "static": FLAG,
            "reserved": FLAG,
            "matches": _ranges(),
            "access": ACCESS,
        }
    )


def _objective() -> Schema:
    return _object(
        {
            "weights": _map(NUMBER),
            "value": NUMBER,
            "bound": NUMBER,
            "optimal": _described("only with a proof", FLAG),
        }
    )


def _advice() -> Schema:
    return _object({"kind": NAME, "subject": NAME, "memory": NAME, "amount": BYTES, "saves": BYTES, "text": NAME})


def _proof() -> Schema:
    finding = {"rule": NAME, "partition": TEXT, "range": _nullable(_ranges()["items"]), "message": TEXT}
    return _object({"obligations": COUNT, "proved": COUNT, "unknown": _list(NAME), "findings": _list(_object(finding))})
