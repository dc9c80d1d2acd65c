"""How the checker reads each unit: a decoder in integers and the same in SMT-LIB text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from layoutplan.address import AddressRange
from layoutplan.check.proof.texts import TextPmp, TextPmsav7, TextPmsav8
from layoutplan.check.words.armv7m import Armv7m
from layoutplan.check.words.armv8m import Armv8m
from layoutplan.check.words.permits import Interval
from layoutplan.check.words.pmp import Pmp
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import MemoryType, Target
from layoutplan.model.plan import Words


class Decoder(Protocol):
    """Register words to what they permit, in integers."""

    def malformed(self, words: Sequence[Words], target: Target) -> Iterator[tuple[int, str]]:
        """(slot, reason) for each reserved or UNPREDICTABLE field."""

    def intervals(self, words: Sequence[Words], target: Target) -> tuple[Interval, ...]:
        """What the words permit."""

    def background(self, range_: AddressRange) -> tuple[tuple[AddressRange, Access], ...]:
        """Privileged rights where no slot matches."""

    def type_is(self, attribute: int, expected: MemoryType, *, shareable: bool) -> bool:
        """Whether attribute bits give a memory type."""


class Text(Protocol):
    """Register words as SMT-LIB text."""

    @property
    def prelude(self) -> str:
        """The hand-written file."""

    @property
    def malformed_pair(self) -> Words:
        """A pair that the unit's manual forbids, for the negative control."""

    def constants(self, target: Target) -> str:
        """What the prelude needs to be defined before it."""

    def functions(self, partition: str, words: Sequence[Words], target: Target) -> str:
        """``user.P``, ``privileged.P`` and, on Arm, ``decider.P``."""

    def malformed(self, words: Sequence[Words], target: Target) -> list[str]:
        """Terms of which none may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitReading:
    """Both readings of one unit. ``typed``: regions carry memory types. ``code_is_whole``: a fetch may cross a seam.

    ``confined``: privileged code reaches what it needs and nothing else.
    """

    decoder: Decoder
    text: Text
    typed: bool = True
    code_is_whole: bool = False
    confined: bool = False


def reading_of(unit: UnitName, *, background: bool = True, lockdown: bool = False) -> UnitReading:
    """The reading of ``unit``; ``KeyError`` for one that has no protection, or none without a background map.

    ``lockdown``: Smepmp, with ``mseccfg.MML`` and ``MMWP`` set.
    """
    if lockdown:
        return _LOCKED_DOWN[unit]
    return _READINGS[unit] if background else _WITHOUT_BACKGROUND[unit]


def reading_for(system: System) -> UnitReading:
    """The reading of the unit as ``system`` uses it."""
    return reading_of(system.unit, background=system.kernel.background, lockdown=system.smepmp)


_READINGS = {
    UnitName.ARMV6M: UnitReading(decoder=Armv7m(v6=True), text=TextPmsav7("armv6m.smt2")),
    UnitName.ARMV7M: UnitReading(decoder=Armv7m(), text=TextPmsav7("armv7m.smt2")),
    UnitName.ARMV8M: UnitReading(decoder=Armv8m(), text=TextPmsav8()),
    UnitName.PMP: UnitReading(decoder=Pmp(), text=TextPmp(), typed=False, code_is_whole=True),
}

_LOCKED_DOWN = {
    UnitName.PMP: UnitReading(
        decoder=Pmp(lockdown=True), text=TextPmp(lockdown=True), typed=False, code_is_whole=True, confined=True
    )
}

_WITHOUT_BACKGROUND = {
    UnitName.ARMV6M: UnitReading(
        decoder=Armv7m(v6=True, background=False), text=TextPmsav7("armv6m.smt2", background=False)
    ),
    UnitName.ARMV7M: UnitReading(decoder=Armv7m(background=False), text=TextPmsav7("armv7m.smt2", background=False)),
}
