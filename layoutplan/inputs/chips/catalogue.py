"""Reads the catalogue's files. They ship with the tool, so a fault in one is ours and not the reader's.

A ``source`` names what was read, and no more: a section or table number stands there only if its text was read. What
could not be found is left out, or assumed the way that makes the planner refuse more; either is named in ``lacks``.
Numbers of QEMU's machines are compared with the running emulator by ``tests/inputs``.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from layoutplan.address import AddressRange
from layoutplan.inputs.quantities import size_of
from layoutplan.model.access import Access, Machine, UnitName
from layoutplan.model.memory import Alias, FixedEntry, Memory, MemoryType, Peripheral, PmpTraits

FOLDER = Path(__file__).parent


class Sourced(Struct, forbid_unknown_fields=True, rename="kebab", frozen=True, kw_only=True):
    """A fact with its source: document and register or section; or the file of public code that says so."""

    source: str


class MemoryFact(Sourced, frozen=True, kw_only=True):
    """One memory. ``type`` is what the default memory map of the architecture, or the chip, makes of it."""

    origin: int
    length: int | str
    access: str
    type: MemoryType
    shareable: bool = False


class PeripheralFact(Sourced, frozen=True, kw_only=True):
    """One peripheral's registers.

    ``bus_master``: it is a way to memory past the regions. It moves data itself, or commands what does: a flash's
    controller, what maps memories or powers them, what starts another core or decides which code boots.
    """

    base: int
    size: int | str
    bus_master: bool = False


class AliasFact(Sourced, frozen=True, kw_only=True):
    """A second address for the same bytes."""

    view: int
    target: int
    size: int | str
    scale: int = 1


class EntryFact(Sourced, frozen=True, kw_only=True):
    """A PMP entry that is there before us."""

    index: int
    address: int
    config: int
    hardwired: bool


class PmpFact(Sourced, frozen=True, kw_only=True):
    """What the core's PMP lacks or bends. ``smepmp``: it has the extension, which a manifest may ask for."""

    grain: int = 4
    modes: list[Literal["napot", "na4", "tor"]] = field(default_factory=lambda: ["napot", "na4", "tor"])
    swapped_rx: bool = False
    smepmp: bool = False
    entry: list[EntryFact] = field(default_factory=list)


class Erratum(Sourced, frozen=True, kw_only=True):
    """A deviation that a reader of the plan must know."""

    text: str


class UnitFact(Sourced, frozen=True, kw_only=True):
    """The protection unit. ``slots`` counts all hardware slots."""

    name: UnitName
    slots: int


class CoreFact(Sourced, frozen=True, kw_only=True):
    """The processor."""

    name: str
    machine: Machine
    fpu: bool = False


class Chip(Struct, forbid_unknown_fields=True, rename="kebab", frozen=True, kw_only=True):
    """One entry. ``lacks`` names the facts that could not be sourced; with any the chip is unverified."""

    name: str
    title: str
    core: CoreFact
    unit: UnitFact
    memory: dict[str, MemoryFact]
    peripheral: dict[str, PeripheralFact] = field(default_factory=dict)
    interrupt_source: str = ""
    interrupt: dict[str, int] = field(default_factory=dict)
    alias: list[AliasFact] = field(default_factory=list)
    pmp: PmpFact | None = None
    erratum: list[Erratum] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Whether every list that isolation rests on was sourced."""
        return not self.lacks

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The memories, by name."""
        return tuple(
            Memory(
                name=name,
                range=AddressRange.of(fact.origin, size_of(fact.length)),
                access=Access.of(fact.access),
                type=fact.type,
                shareable=fact.shareable,
            )
            for name, fact in sorted(self.memory.items())
        )

    @property
    def peripherals(self) -> tuple[Peripheral, ...]:
        """The peripherals, by name."""
        return tuple(
            Peripheral(name=name, range=AddressRange.of(fact.base, size_of(fact.size)), bus_master=fact.bus_master)
            for name, fact in sorted(self.peripheral.items())
        )

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """The aliases, by view."""
        return tuple(
            Alias(
                view=AddressRange.of(fact.view, size_of(fact.size) * fact.scale),
                target=AddressRange.of(fact.target, size_of(fact.size)),
                scale=fact.scale,
            )
            for fact in sorted(self.alias, key=lambda fact: fact.view)
        )

    @property
    def pmp_traits(self) -> PmpTraits:
        """The PMP as the planner needs it."""
        if self.pmp is None:
            return PmpTraits()
        return PmpTraits(
            grain=self.pmp.grain,
            modes=frozenset(self.pmp.modes),
            fixed=tuple(
                FixedEntry(index=e.index, address=e.address, config=e.config, hardwired=e.hardwired)
                for e in sorted(self.pmp.entry, key=lambda e: e.index)
            ),
            swapped_rx=self.pmp.swapped_rx,
        )


@cache
def chip_names() -> tuple[str, ...]:
    """The names of all chips, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def read_chip(name: str) -> Chip:
    """The entry of that name; ``KeyError`` when the catalogue has none."""
    if name not in chip_names():
        raise KeyError(name)
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Chip)


def chips() -> tuple[Chip, ...]:
    """Every entry of the catalogue, by name."""
    return tuple(read_chip(name) for name in chip_names())
