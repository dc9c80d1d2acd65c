"""What QEMU saw stored to the protection unit, and what boot and a switch have to store, written once more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from layoutplan.model.access import UnitName
from layoutplan.model.plan import Plan, Slot, Words

CTRL, RNR, RBAR = 0xE000_ED94, 0xE000_ED98, 0xE000_ED9C
MAIR0, MAIR1 = 0xE000_EDC0, 0xE000_EDC4
MEMORY_TYPES = 0x0444_AAFF, 0
"""``MPU_MAIR0`` and ``MPU_MAIR1`` as the assumptions of use have them (A10)."""
PMPCFG0, PMPADDR0 = 0x3A0, 0x3B0
ENABLE, ENABLE_WITH_BACKGROUND = 0b001, 0b101
Store = tuple[int, int]

_ARM = re.compile(r"nvic_sysreg_write NVIC sysreg write addr (0x[0-9a-f]+) data (0x[0-9a-f]+)")
_PMP = re.compile(r"(pmpaddr|pmpcfg)_csr_write hart 0: write (?:addr|reg)(\d+), val: (0x[0-9a-f]+)")


def events(unit: UnitName) -> tuple[str, ...]:
    """The trace events that show the unit's registers."""
    return ("pmpaddr_csr_write", "pmpcfg_csr_write") if unit is UnitName.PMP else ("nvic_sysreg_write",)


def stores(unit: UnitName, trace: str) -> list[Store]:
    """Register (address, or CSR number) and value of every store to the unit, in order."""
    if unit is UnitName.PMP:
        base = {"pmpaddr": PMPADDR0, "pmpcfg": PMPCFG0}
        return [(base[name] + int(number), int(value, 16)) for name, number, value in _PMP.findall(trace)]
    found = ((0xE000_E000 + int(address, 16), int(value, 16)) for address, value in _ARM.findall(trace))
    return [(address, value) for address, value in found if CTRL <= address <= MAIR1]


def switch(plan: Plan, partition: str) -> list[Store]:
    """The stores of a switch, by the contract of the region table."""
    first, count = plan.slots.first_dynamic, plan.slots.dynamic
    slots = plan.registers[partition]
    own = slots[first : first + count]
    match plan.unit:
        case UnitName.PMP:
            registers = range(first // 4, (first + count - 1) // 4 + 1)
            addresses = [(PMPADDR0 + slot.index, slot.words[0]) for slot in own]
            return addresses + [(PMPCFG0 + register, _config(slots, register)) for register in registers]
        case UnitName.ARMV8M:
            return [(CTRL, 0), *_banked(own), (CTRL, _on(plan))]
        case _:
            aliased = plan.unit is UnitName.ARMV7M
            pairs = (
                store
                for number, slot in enumerate(own)
                for store in _pair(number % 4 if aliased and number < count // 4 * 4 else 0, _tagged(slot))
            )
            return [(CTRL, 0), *pairs, (CTRL, _on(plan))]


def boot(plan: Plan) -> list[Store]:
    """What is stored before the first switch, less the PMP's probing: every slot cleared, then the static ones."""
    slots = next(iter(plan.registers.values()))
    first, count = plan.slots.first_static, plan.slots.static
    fixed = slots[first : first + count]
    match plan.unit:
        case UnitName.PMP:
            addresses = [(PMPADDR0 + slot.index, slot.words[0]) for slot in fixed]
            kept = [slot if slot in fixed else Slot(index=slot.index, words=(0, 0)) for slot in slots]
            return addresses + [(PMPCFG0 + i, _config(kept, i)) for i in range((len(slots) + 3) // 4)]
        case UnitName.ARMV8M:
            written = (
                store
                for slot in slots
                for store in ((RNR, slot.index), *_pair(0, slot.words if slot in fixed else (0, 0)))
            )
            types = zip((MAIR0, MAIR1), MEMORY_TYPES, strict=True)
            return [(CTRL, 0), *types, *written, (CTRL, _on(plan))]
        case _:
            cleared = (store for slot in slots for store in ((RNR, slot.index), *_pair(0, (0, 0))))
            pairs = (store for slot in fixed for store in _pair(0, _tagged(slot)))
            return [(CTRL, 0), *cleared, *pairs, (CTRL, _on(plan))]


def _on(plan: Plan) -> int:
    """ENABLE, and PRIVDEFENA where no static regions stand for the kernel's background map."""
    return ENABLE if plan.background else ENABLE_WITH_BACKGROUND


def goal(plan: Plan) -> int:
    """The most stores that a switch may take."""
    count, first = plan.slots.dynamic, plan.slots.first_dynamic
    match plan.unit:
        case UnitName.PMP:
            return count + (first % 4 + count + 3) // 4
        case UnitName.ARMV8M:
            return 2 * count + 2 + (first % 4 + count + 3) // 4
        case _:
            return 2 * count + 2


def _tagged(slot: Slot) -> Words:
    """MPU_RBAR with VALID and REGION."""
    return slot.words[0] | 0x10 | slot.index, slot.words[1]


def _pair(alias: int, words: Words) -> tuple[Store, Store]:
    return (RBAR + 8 * alias, words[0]), (RBAR + 8 * alias + 4, words[1])


def _banked(slots: Sequence[Slot]) -> Iterator[Store]:
    """MPU_RNR selects a bank of four slots, whose pairs stand at MPU_RBAR and its aliases."""
    for number, slot in enumerate(slots):
        if number == 0 or slot.index % 4 == 0:
            yield RNR, slot.index & ~3
        yield from _pair(slot.index % 4, slot.words)


def _config(slots: Sequence[Slot], register: int) -> int:
    """One pmpcfg word: the bytes of four entries."""
    return sum(slot.words[1] << 8 * (slot.index % 4) for slot in slots[4 * register : 4 * register + 4])
