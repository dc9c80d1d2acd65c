"""Judges a report document byte by byte at every edge: whose is it, who may touch it. Trusts no field it can derive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from tests.oracles import armv7m, armv8m, pmp

Pair = tuple[int, int]
Wanted = tuple[int, int, dict[str, str]]
"""Base, end, and each partition's letters."""

WORDS = {
    "armv6m": ("rbar", "rasr"),
    "armv7m": ("rbar", "rasr"),
    "armv8m": ("rbar", "rlar"),
    "pmp": ("pmpaddr", "pmpcfg"),
}
FETCH, WIDEST = 4, 4
"""Bytes of the widest instruction, which RV32 aligns to 2, and of the widest load or store, aligned to itself."""


def registers_of(document: dict[str, Any], words: tuple[str, str]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for entry in sorted(document["registers"], key=lambda entry: (entry["partition"], entry["slot"])):
        pairs = found.setdefault(entry["partition"], [])
        assert entry["slot"] == len(pairs), "a slot is missing"
        pairs.append((entry["words"][words[0]], entry["words"][words[1]]))
    return found


def judge(document: dict[str, Any], target: dict[str, Any]) -> None:
    """Assert that nobody reaches what is not theirs, and that everybody reaches all that is.

    ``target``: ``unit``, ``slots`` and ``pmp``, as in the manifest.
    """
    registers = registers_of(document, WORDS[target["unit"]])
    wanted: list[Wanted] = sorted(
        (block["base"], block["base"] + block["granted"], block["rights"]) for block in document["blocks"]
    )
    for one, other in pairwise(wanted):
        assert one[1] <= other[0], "blocks overlap"
    wanted += [
        (peripheral["base"], peripheral["base"] + peripheral["size"], {peripheral["partition"]: "rw"})
        for peripheral in document["peripherals"]
    ]
    assert all(len(pairs) == target["slots"] for pairs in registers.values())
    allowed: Callable[[Sequence[Pair], int], str]
    edges: Callable[[Sequence[Pair]], Iterable[int]]
    if target["unit"] == "pmp":
        grain = target.get("pmp", {}).get("grain", 4)
        allowed = partial(pmp.allowed, grain=grain)
        edges = partial(pmp.edges, grain=grain)
        _judge_widths(registers, wanted, allowed, edges)
    else:
        unit = armv8m if target["unit"] == "armv8m" else armv7m
        allowed, edges = unit.allowed, unit.edges
    _judge_bytes(registers, wanted, allowed, edges)


def _judge_bytes(
    registers: dict[str, list[Pair]],
    wanted: list[Wanted],
    allowed: Callable[[Sequence[Pair], int], str],
    edges: Callable[[Sequence[Pair]], Iterable[int]],
) -> None:
    points = {a for base, end, _ in wanted for a in (base - 1, base, end - 1, end) if 0 <= a < 1 << 32}
    points |= {a for pairs in registers.values() for a in edges(pairs)}
    executable = {a for pairs in registers.values() for a in points if "x" in allowed(pairs, a)}
    for name, pairs in registers.items():
        for address in points:
            may = allowed(pairs, address)
            owners = [w for w in wanted if w[0] <= address < w[1]]
            if may:
                assert owners, f"{name} reaches {address:#x}, which is nobody's"
                assert name in owners[0][2], f"{name} reaches {address:#x} of {owners[0][2]}"
                assert set(may) <= set(owners[0][2][name]), f"{name} has {may!r} at {address:#x} of {owners[0][2]}"
                assert not ("w" in may and address in executable), f"{address:#x} is writable and executable"
            if owners and name in owners[0][2]:
                rights = owners[0][2][name]
                assert set(rights) <= set(may), f"{name} has {may!r} of {rights!r} at {address:#x}"


def _judge_widths(
    registers: dict[str, list[Pair]],
    wanted: list[Wanted],
    allowed: Callable[..., str],
    edges: Callable[[Sequence[Pair]], Iterable[int]],
) -> None:
    """PMP faults what straddles two entries that both permit it: no aligned access and no instruction may."""
    for name, pairs in registers.items():
        for base, end, rights in wanted:
            for edge in (a for a in edges(pairs) if name in rights and base <= a < end):
                widths = [(width, width) for width in (2, WIDEST)]
                widths += [(FETCH, 2)] * ("x" in rights[name])
                for width, step in widths:
                    for at in range((edge - width) // step * step, edge + 1, step):
                        if base <= at and at + width <= end:
                            may = allowed(pairs, at, width)
                            assert set(rights[name]) <= set(may), f"{name} has {may!r} for {width} bytes at {at:#x}"
