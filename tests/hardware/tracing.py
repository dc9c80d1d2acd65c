"""What QEMU saw stored to the MPU, and what a switch has to store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from layoutplan.model.plan import Plan, Words

CTRL, RNR, RBAR = 0xE000_ED94, 0xE000_ED98, 0xE000_ED9C
ENABLE_WITH_BACKGROUND = 0b101
Store = tuple[int, int]

_LINE = re.compile(r"nvic_sysreg_write NVIC sysreg write addr (0x[0-9a-f]+) data (0x[0-9a-f]+)")


def mpu_stores(trace: str) -> list[Store]:
    """Address and value of every store to an MPU register, in order."""
    stores = ((0xE000_E000 + int(address, 16), int(value, 16)) for address, value in _LINE.findall(trace))
    return [(address, value) for address, value in stores if CTRL <= address < 0xE000_EDC0]


def switches(stores: Sequence[Store]) -> list[list[Store]]:
    """The stores cut at each ``MPU_CTRL`` write that switches the unit off; the first piece is that of boot."""
    pieces: list[list[Store]] = []
    for store in stores:
        if store == (CTRL, 0):
            pieces.append([])
        pieces[-1].append(store)
    return pieces


def armv7m_switch(plan: Plan, partition: str) -> Iterator[Store]:
    """CONTRACTS section 5, written once more: off, pairs upward with VALID and REGION, on."""
    first, count = plan.slots.first_dynamic, plan.slots.dynamic
    yield CTRL, 0
    for number, slot in enumerate(plan.registers[partition][first : first + count]):
        alias = RBAR + number % 4 * 8 if number < count // 4 * 4 else RBAR
        yield from pair(alias, (slot.words[0] | 0x10 | slot.index, slot.words[1]))
    yield CTRL, ENABLE_WITH_BACKGROUND


def armv7m_boot(plan: Plan) -> Iterator[Store]:
    """Every slot cleared, then the static ones written."""
    yield CTRL, 0
    slots = next(iter(plan.registers.values()))
    for slot in slots:
        yield RNR, slot.index
        yield from pair(RBAR, (0, 0))
    for slot in slots[plan.slots.first_static : plan.slots.first_static + plan.slots.static]:
        yield from pair(RBAR, (slot.words[0] | 0x10 | slot.index, slot.words[1]))
    yield CTRL, ENABLE_WITH_BACKGROUND


def pair(address: int, words: Words) -> tuple[Store, Store]:
    """The two stores of one slot."""
    return (address, words[0]), (address + 4, words[1])
