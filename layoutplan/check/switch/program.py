"""The program of a switch: table words expanded to stores and barriers, by the contract of the region table.

This is the list that the switch code's own core returns and that an emulator's trace shows; :mod:`execution` runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from layoutplan.check.switch.table import RegionTable
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Words

MPU_CTRL, MPU_RNR, MPU_RBAR = 0xE000_ED94, 0xE000_ED98, 0xE000_ED9C
"""Armv7-M ARM B3.5 and Armv8-M ARM D1.2: the attribute register follows MPU_RBAR, then three alias pairs."""
MPU_ENABLE, MPU_PRIVDEFENA = 0b001, 0b100
PMPCFG0, PMPADDR0 = 0x3A0, 0x3B0


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A store to a memory-mapped register, or a write to the CSR of that number."""

    address: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """``dsb`` or ``isb``."""

    name: str


Step = Store | Barrier


def hardwired(system: System) -> dict[int, Words]:
    """Entries that the chip has fixed, by index. They match whatever the plan says of them."""
    if system.unit is not UnitName.PMP:
        return {}
    return {entry.index: (entry.address, entry.config) for entry in system.target.pmp.fixed if entry.hardwired}


def switch_program(system: System, table: RegionTable, partition: int) -> tuple[Step, ...]:
    """The steps of a switch to the partition of that index among the sorted names."""
    pairs = table.dynamic[partition]
    match system.unit:
        case UnitName.PMP:
            return tuple(_pmp(first_dynamic(system, table), pairs, table.dynamic_cfg[partition]))
        case UnitName.ARMV8M:
            return tuple(_mpu(mpu_on(system), _pmsav8(first_dynamic(system, table), pairs)))
        case _:
            return tuple(_mpu(mpu_on(system), _pmsav7(pairs, aliases=system.unit is UnitName.ARMV7M)))


def boot_program(system: System, table: RegionTable) -> tuple[Step, ...]:
    """The steps of boot: every slot cleared, then the static pairs."""
    slots = system.target.slots
    match system.unit:
        case UnitName.PMP:
            first = first_static(system, table)
            fixed = hardwired(system)
            clear = [Store(address=PMPADDR0 + i, value=0) for i in range(slots) if i not in fixed]
            writes = [Store(address=PMPADDR0 + first + i, value=pair[0]) for i, pair in enumerate(table.static)]
            return (*clear, *writes, *_boot_cfg(slots, first, table.static))
        case UnitName.ARMV8M:
            first = first_static(system, table)
            held = {first + index: pair for index, pair in enumerate(table.static)}
            stores = (step for slot in range(slots) for step in _selected(slot, held.get(slot, (0, 0))))
            return tuple(_mpu(mpu_on(system), stores))
        case _:
            clear_all = (step for slot in range(slots) for step in _selected(slot, (0, 0)))
            return tuple(_mpu(mpu_on(system), chain(clear_all, _pmsav7(table.static, aliases=False))))


def first_dynamic(system: System, table: RegionTable) -> int:
    """v6/v7-M, and PMP with Smepmp: after the static slots. Else the first programmable one."""
    return _first_programmable(system) + (len(table.static) if _static_before(system) else 0)


def first_static(system: System, table: RegionTable) -> int:
    """v6/v7-M, and PMP with Smepmp: the first. Else after the dynamic slots."""
    before = len(table.dynamic[0]) if table.dynamic and not _static_before(system) else 0
    return _first_programmable(system) + before


def _static_before(system: System) -> bool:
    return system.unit in (UnitName.ARMV6M, UnitName.ARMV7M) or system.smepmp


def _first_programmable(system: System) -> int:
    fixed = hardwired(system)
    return next((index for index in range(system.target.slots) if index not in fixed), 0)


def mpu_on(system: System) -> int:
    """``MPU_CTRL`` while partitions run: ENABLE, and PRIVDEFENA where the kernel has its background map."""
    return MPU_ENABLE | (MPU_PRIVDEFENA if system.kernel.background else 0)


def _mpu(control: int, stores: Iterator[Step]) -> Iterator[Step]:
    """With the MPU off nothing unprivileged may run: the window in which slots are half written."""
    yield Store(address=MPU_CTRL, value=0)
    yield Barrier(name="dsb")
    yield from stores
    yield Store(address=MPU_CTRL, value=control)
    yield Barrier(name="dsb")
    yield Barrier(name="isb")


def _pmsav7(pairs: Sequence[Words], *, aliases: bool) -> Iterator[Step]:
    """RBAR names its slot; full groups of four go through the ``aliases``, which Armv6-M has not, in one burst."""
    grouped = len(pairs) // 4 * 4 if aliases else 0
    for index, (rbar, rasr) in enumerate(pairs):
        address = MPU_RBAR + 8 * (index % 4 if index < grouped else 0)
        yield Store(address=address, value=rbar)
        yield Store(address=address + 4, value=rasr)


def _pmsav8(first: int, pairs: Sequence[Words]) -> Iterator[Step]:
    """MPU_RNR selects a bank of four slots."""
    for index, (rbar, rlar) in enumerate(pairs):
        slot = first + index
        if index == 0 or slot % 4 == 0:
            yield Store(address=MPU_RNR, value=slot & ~3)
        yield Store(address=MPU_RBAR + 8 * (slot % 4), value=rbar)
        yield Store(address=MPU_RBAR + 8 * (slot % 4) + 4, value=rlar)


def _selected(slot: int, pair: Words) -> Iterator[Step]:
    yield Store(address=MPU_RNR, value=slot)
    yield Store(address=MPU_RBAR, value=pair[0])
    yield Store(address=MPU_RBAR + 4, value=pair[1])


def _pmp(first: int, pairs: Sequence[Words], configs: Sequence[int]) -> Iterator[Step]:
    """Addresses upward, then whole configuration words: each write of pmpcfg also drops stale translations."""
    for index, (address, _) in enumerate(pairs):
        yield Store(address=PMPADDR0 + first + index, value=address)
    for index, word in enumerate(configs):
        yield Store(address=PMPCFG0 + first // 4 + index, value=word)


def _boot_cfg(slots: int, first: int, pairs: Sequence[Words]) -> Iterator[Step]:
    for word in range((slots + 3) // 4):
        value = 0
        for byte in range(4):
            row = 4 * word + byte - first
            if 0 <= row < len(pairs):
                value |= (pairs[row][1] & 0xFF) << 8 * byte
        yield Store(address=PMPCFG0 + word, value=value)
