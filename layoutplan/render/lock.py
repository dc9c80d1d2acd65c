"""``layout.lock``: where each block was, for people to review and for the next run to keep."""

from __future__ import annotations

from layoutplan.model.plan import Plan

LOCK_VERSION = 1


def lock_text(plan: Plan) -> str:
    """The lock as TOML: block name to memory, base, size and cover (each region's base and size), in bytes."""
    import tomli_w

    blocks = {
        placement.block.name: {
            "memory": placement.memory,
            "base": placement.granted.base,
            "size": placement.granted.size,
            "cover": [[piece.base, piece.size] for piece in placement.cover],
        }
        for placement in sorted(plan.placements, key=lambda placement: placement.block.name)
    }
    return tomli_w.dumps({"version": LOCK_VERSION, "block": blocks})
