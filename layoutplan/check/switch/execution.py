"""The stores of boot and of a switch, executed on a symbolic predecessor: what each hardware slot holds afterwards.

The table lists what is stored, not where it ends up. On PMSAv7 a pair goes to the slot that its own RBAR names (VALID
set, REGION), so a flipped bit writes somebody else's slot and leaves the intended one stale. Slots that no switch may
touch hold their boot words (the invariant, which every switch is shown to keep); all others start as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from layoutplan.check.switch.program import (
    MPU_CTRL,
    MPU_RBAR,
    MPU_RNR,
    PMPADDR0,
    PMPCFG0,
    Barrier,
    Step,
    Store,
    boot_program,
    first_dynamic,
    first_static,
    hardwired,
    mpu_on,
    switch_program,
)
from layoutplan.check.switch.table import RegionTable
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import DISABLED, Words

Half = int | None
"""A register's value; ``None`` is what a predecessor left there."""


@dataclass(slots=True)
class Machine:
    """The unit's registers. ``written`` collects the slots that were stored to; ``faults`` what is not determined."""

    unit: UnitName
    slots: int
    on: int
    state: dict[int, list[Half]]
    fixed: frozenset[int] = frozenset()
    selected: Half = None
    enabled: Half = 0
    window: bool = False
    written: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def run(self, steps: Iterable[Step]) -> None:
        """Perform every step."""
        pending = False
        for step in steps:
            match step:
                case Store(address=address, value=value):
                    self._store(address, value)
                    pending = True
                case Barrier():
                    pending = False
        if self.unit is not UnitName.PMP:
            if pending:
                self.faults.append("the last store is not followed by a barrier")
            if self.enabled != self.on:
                self.faults.append(f"MPU_CTRL is not {self.on} at the end")

    def _store(self, address: int, value: int) -> None:
        if self.unit is UnitName.PMP:
            self._write_csr(address, value)
        elif address == MPU_CTRL:
            self.enabled = value
        elif self.enabled != 0:
            self.faults.append(f"a store to {address:#010x} while the MPU is on")
        elif address == MPU_RNR:
            self.selected = value
        elif MPU_RBAR <= address < MPU_RBAR + 32:
            alias, half = divmod(address - MPU_RBAR, 8)
            self._pair(alias, half // 4, value)
        else:
            self.faults.append(f"a store to {address:#010x}, which is no register of the MPU")

    def _pair(self, alias: int, half: int, value: int) -> None:
        if self.unit is UnitName.ARMV8M:
            # Armv8-M ARM, MPU_RBAR_A<n>: the aliases are the other slots of the bank that MPU_RNR selects.
            slot = None if self.selected is None else (self.selected if alias == 0 else self.selected & ~3 | alias)
        else:
            # Armv7-M ARM, MPU_RBAR: VALID also sets MPU_RNR to REGION; without it the pair goes where RNR points.
            if half == 0 and value & 0x10:
                self.selected = value & 0xF
            if half == 0:
                value &= ~0x1F
            slot = self.selected
        if slot is None or not 0 <= slot < self.slots:
            self.faults.append(f"a store to slot {'unknown' if slot is None else slot}, of {self.slots}")
            return
        self.state[slot][half] = value
        if half == 0:
            self.written[slot] = self.written.get(slot, 0) + 1

    def _write_csr(self, number: int, value: int) -> None:
        # Privileged Architecture 3.7.1: an entry with L set is not written until reset, nor is the lower bound of a TOR
        # entry with L set. What a store would change there it does not, and an emulator may do it all the same.
        if PMPADDR0 <= number < PMPADDR0 + self.slots:
            slot = number - PMPADDR0
            if self._locked(slot) or self._locked(slot + 1, tor=True):
                self.faults.append(f"a write to pmpaddr{slot}, which is locked")
                return
            self.state[slot][0] = value
            self.written[slot] = self.written.get(slot, 0) + 1
        elif PMPCFG0 <= number < PMPCFG0 + (self.slots + 3) // 4:
            for byte in range(4):
                slot = 4 * (number - PMPCFG0) + byte
                if slot >= self.slots or slot in self.fixed:
                    continue
                config = value >> 8 * byte & 0xFF
                if not self._locked(slot):
                    self.state[slot][1] = config
                elif config != self.state[slot][1]:
                    self.faults.append(f"a write of {config:#04x} to the pmpcfg byte of slot {slot}, which is locked")
        else:
            self.faults.append(f"a write to CSR {number:#05x}, which is no entry of the PMP")

    def _locked(self, slot: int, *, tor: bool = False) -> bool:
        """Whether ``slot`` holds L, and TOR where asked. What a predecessor left is not locked: the invariant."""
        config = self.state[slot][1] if slot < self.slots and slot not in self.fixed else None
        return config is not None and bool(config & 0x80) and (not tor or config >> 3 & 3 == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch as the image's table makes it: its stores, the slots it must leave alone, and what is undetermined."""

    program: tuple[Step, ...]
    kept: Mapping[int, Words]
    findings: tuple[Finding, ...]


def execute(system: System, table: RegionTable, partition: int) -> tuple[tuple[Words, ...], Switch]:
    """Every slot while the partition of that index runs, whatever ran before, and the switch that makes it so."""
    name = sorted(p.name for p in system.partitions)[partition]
    slots = system.target.slots
    fixed = hardwired(system)
    boot = Machine(system.unit, slots, mpu_on(system), {slot: [None, None] for slot in range(slots)}, frozenset(fixed))
    boot.run(boot_program(system, table))
    last = slots - 1
    while last in fixed:
        last -= 1
    reserved = range(last + 1 - system.kernel.reserved_slots, last + 1)
    dynamic = [
        slot for slot in range(slots) if slot not in fixed and slot not in reserved and not _static(system, table, slot)
    ]
    # The symbolic predecessor: anything at all in the slots that switches write.
    start: dict[int, list[Half]] = {slot: list(boot.state[slot]) for slot in range(slots)}
    start |= {slot: [None, None] for slot in dynamic}
    start |= {slot: list(words) for slot, words in fixed.items()}
    switch = Machine(system.unit, slots, mpu_on(system), start, frozenset(fixed))
    program = switch_program(system, table, partition)
    switch.run(program)
    words = tuple(_known(switch.state[slot]) for slot in range(slots))
    messages = (*boot.faults, *switch.faults, *_undetermined(switch, boot, dynamic, fixed))
    messages = (*messages, *_misplaced(system, table, partition))
    if system.unit is UnitName.PMP:
        # The switch writes LP_DYNAMIC_CFG alone; whoever reads the pairs must see the same.
        first = first_dynamic(system, table)
        told = [pair[1] for pair in table.dynamic[partition]]
        if told != [config for _, config in words[first : first + len(told)]]:
            messages = (*messages, "LP_DYNAMIC and LP_DYNAMIC_CFG differ in pmpcfg")
    findings = tuple(Finding(rule="transition", partition=name, message=message) for message in messages)
    kept = {slot: _known(start[slot]) for slot in range(slots) if slot not in dynamic}
    return words, Switch(program=program, kept=kept, findings=findings)


def _misplaced(system: System, table: RegionTable, partition: int) -> Iterator[str]:
    """Rows that name another slot than their place in the table, or a pmpcfg that is more than a byte."""
    rows = [("LP_STATIC", first_static(system, table), table.static)]
    rows.append(("LP_DYNAMIC", first_dynamic(system, table), table.dynamic[partition]))
    for symbol, first, pairs in rows:
        for row, (low, high) in enumerate(pairs):
            if system.unit in (UnitName.ARMV6M, UnitName.ARMV7M) and low & 0x1F != 0x10 | first + row:
                yield f"row {row} of {symbol} does not name slot {first + row} with VALID"
            if system.unit is UnitName.PMP and high > 0xFF:
                yield f"row {row} of {symbol} has more than the byte of pmpcfg"


def _static(system: System, table: RegionTable, slot: int) -> bool:
    """Whether boot means to write the slot: the contract's ranges, not what the words themselves name."""
    first = first_static(system, table)
    return first <= slot < first + len(table.static)


def _known(halves: list[Half]) -> Words:
    first, second = halves
    return DISABLED if first is None or second is None else (first, second)


def _undetermined(switch: Machine, boot: Machine, dynamic: list[int], fixed: dict[int, Words]) -> Iterator[str]:
    for slot in range(switch.slots):
        config = switch.state[slot][1]
        if None in switch.state[slot]:
            yield f"slot {slot} keeps what the last partition left there"
        if switch.unit is UnitName.PMP and slot in dynamic and config is not None and config & 0x80:
            yield f"slot {slot} is locked by the switch, so that no later one can rewrite it"
        if slot not in dynamic and slot in switch.written:
            yield f"slot {slot} is not the switch's to write, and others would run with this partition's pair"
        if slot not in dynamic and slot not in fixed and switch.state[slot] != boot.state[slot]:
            yield f"slot {slot} does not hold its boot words after the switch"
        if switch.written.get(slot, 0) > 1:
            yield f"slot {slot} is written {switch.written[slot]} times by one switch"
