"""``layout.lock``: where each block was, for people to review and for the next run to keep."""

from __future__ import annotations

from layoutplan.address import AddressRange, hexadecimal
from layoutplan.model.plan import Plan

LOCK_VERSION = 1


def lock_text(plan: Plan) -> str:
    """The lock as TOML: block name to memory, base, size and cover (each region's base and size), in bytes.

    One line per number that can move, addresses in hexadecimal, so that a diff reads like a memory map. A block's
    name consists of characters that need no escape.
    """
    tables = [f"version = {LOCK_VERSION}\n"]
    for placement in sorted(plan.placements, key=lambda placement: placement.block.name):
        cover = ", ".join(f"[{_pair(piece)}]" for piece in placement.cover)
        tables.append(
            f'[block."{placement.block.name}"]\n'
            f'memory = "{placement.memory}"\n'
            f"base = {hexadecimal(placement.granted.base)}\n"
            f"size = {placement.granted.size}\n"
            f"cover = [{cover}]\n"
        )
    return "\n".join(tables)


def _pair(piece: AddressRange) -> str:
    return f"{hexadecimal(piece.base)}, {piece.size}"
