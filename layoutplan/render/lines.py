"""What the lines of a linker script are made of, prepared for its templates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLine:
    """One ``MEMORY`` entry, in bytes."""

    name: str
    attributes: str
    origin: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSection:
    """One part of a block at its address.

    ``symbol`` is the stem of the part's own symbols. ``inputs`` are patterns in the planned order; ``filled`` asks for
    exactly ``size`` bytes. ``segment`` is the program header of what a programmer loads, with its ELF ``rights``
    (4 read, 2 write, 1 execute); ``load`` is where start-up copies it from, else ``address``. ``required`` sections
    must not come out empty. ``whole`` ones must not come out smaller: no linker shortens what is in them.
    """

    part: str
    name: str
    address: int
    size: int
    noload: bool
    filled: bool
    required: bool
    whole: bool
    symbol: str | None
    inputs: tuple[str, ...]
    load: int
    segment: str | None
    rights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLines:
    """A block with its symbols: ``start`` to ``end`` are the bytes asked for, ``granted_end`` what regions expose."""

    name: str
    symbol: str
    memory: str
    start: int
    end: int
    granted_end: int
    access: str
    sections: tuple[OutputSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """An absolute symbol."""

    name: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRow:
    """Four words of ``LP_INIT`` as expressions: load address, address, bytes to copy, bytes to zero."""

    block: str
    words: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A condition that the linker checks, and what it says otherwise."""

    condition: str
    message: str
