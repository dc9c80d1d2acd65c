"""The committed memory of where blocks were, so that an unchanged block does not move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from layoutplan.address import AddressRange


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedBlock:
    """Where a block was: its memory, its granted range, and the ranges of its cover, ascending."""

    memory: str
    granted: AddressRange
    cover: tuple[AddressRange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The placement of the last accepted plan, by block name."""

    blocks: Mapping[str, LockedBlock]
