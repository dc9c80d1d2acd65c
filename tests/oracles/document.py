"""Judges a report document byte by byte at every edge: whose is it, who may touch it. Trusts no field it can derive."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.oracles import armv7m

Wanted = tuple[int, int, dict[str, str]]
"""Base, end, and each partition's letters."""


def registers_of(document: dict[str, Any]) -> dict[str, list[armv7m.Pair]]:
    found: dict[str, list[armv7m.Pair]] = {}
    for entry in sorted(document["registers"], key=lambda entry: (entry["partition"], entry["slot"])):
        pairs = found.setdefault(entry["partition"], [])
        assert entry["slot"] == len(pairs), "a slot is missing"
        pairs.append((entry["words"]["rbar"], entry["words"]["rasr"]))
    return found


def judge_armv7m(document: dict[str, Any], slots: int) -> None:
    """Assert that nobody reaches what is not theirs, and that everybody reaches all that is."""
    registers = registers_of(document)
    wanted: list[Wanted] = sorted(
        (block["base"], block["base"] + block["granted"], block["rights"]) for block in document["blocks"]
    )
    for one, other in pairwise(wanted):
        assert one[1] <= other[0], "blocks overlap"
    wanted += [
        (peripheral["base"], peripheral["base"] + peripheral["size"], {peripheral["partition"]: "rw"})
        for peripheral in document["peripherals"]
    ]
    points = {a for base, end, _ in wanted for a in (base - 1, base, end - 1, end) if 0 <= a < 1 << 32}
    points |= {a for pairs in registers.values() for a in armv7m.edges(pairs)}
    executable = {a for pairs in registers.values() for a in points if "x" in armv7m.allowed(pairs, a)}
    for name, pairs in registers.items():
        assert len(pairs) == slots
        for address in points:
            may = armv7m.allowed(pairs, address)
            owners = [w for w in wanted if w[0] <= address < w[1]]
            if may:
                assert owners, f"{name} reaches {address:#x}, which is nobody's"
                assert name in owners[0][2], f"{name} reaches {address:#x} of {owners[0][2]}"
                assert not ("w" in may and address in executable), f"{address:#x} is writable and executable"
            if owners and name in owners[0][2]:
                rights = owners[0][2][name]
                assert set(rights) <= set(may), f"{name} has {may!r} of {rights!r} at {address:#x}"
