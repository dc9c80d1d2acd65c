"""A small system and a good plan for it on each unit: what ``selftest`` breaks, one way at a time.

Three partitions (two verified ones that share their code, one untrusted), a ring between two of them, two
peripherals, a reserve, a reserved slot and RAM with a bit-band alias. The layout is made by a few lines that share
nothing with the planner and nothing with the decoders: blocks downward, each the low eighths of one aligned power of
two, which every unit can describe in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Isolation, Kind, Machine, Trust, UnitName
from layoutplan.model.component import Component, InputSection, Kernel, Partition, Role, Share, System, Task
from layoutplan.model.memory import Alias, Memory, MemoryType, Peripheral, PmpTraits, Reserve, Target
from layoutplan.model.plan import (
    DISABLED,
    Block,
    Objective,
    Part,
    PeripheralGrant,
    Placement,
    Plan,
    Slot,
    SlotMap,
    Words,
)

FLASH = AddressRange.of(0x0000_0000, 0x4_0000)
RAM = AddressRange.of(0x2000_0000, 0x2_0000)
UART = AddressRange.of(0x4000_4000, 0x1000)
TIMER = AddressRange.of(0x4000_0000, 0x1000)
RESERVE = AddressRange(0x2001_F000, 0x2002_0000)
UNITS = (UnitName.ARMV6M, UnitName.ARMV7M, UnitName.ARMV8M, UnitName.PMP)
PARTITIONS = ("attitude", "mixer", "uart")
_SIZES: Mapping[Role, int] = {Role.TEXT: 0x300, Role.RODATA: 0x50, Role.DATA: 0x24, Role.BSS: 0x71}
STACK, RING = 0x230, 0x208
INTERRUPT = 17
TABLES = ("LP_STATIC", "LP_DYNAMIC", "LP_DYNAMIC_CFG", "LP_GRANTS", "LP_TASKS", "LP_ENTRIES", "LP_INTERRUPTS")
BOUNDS = (
    *("__lp_init_start", "__lp_init_end", "__lp_kernel_stack_end"),
    *("__lp_kernel_data_start", "__lp_kernel_data_end", "__lp_kernel_data_load"),
)
"""Symbols that the kernel's code names."""
DYNAMIC = 5
"""Slots rewritten on a switch; a partition fills four."""


def system(unit: UnitName, flash: AddressRange = FLASH) -> System:
    """The manifest, decoded."""
    target = Target(
        unit=unit,
        machine=Machine.RISCV if unit is UnitName.PMP else Machine.ARM,
        slots=8,
        memories=(
            Memory(name="flash", range=flash, access=Access.RX, type=MemoryType.NORMAL_WRITE_THROUGH),
            Memory(name="ram", range=RAM, access=Access.RW, type=MemoryType.NORMAL_WRITE_BACK, shareable=True),
        ),
        aliases=(Alias(view=AddressRange.of(0x2200_0000, 32 * RAM.size), target=RAM, scale=32),),
        pmp=PmpTraits(),
    )
    return System(
        manifest=Path("layout.toml"),
        isolation=frozenset({Isolation.MPU}),
        target=target,
        kernel=Kernel(code=0x1000, data=0x40, bss=0x200, stack=0x400, reserved_slots=1),
        components=(
            _component("attitude", Trust.VERIFIED, ()),
            _component("mixer", Trust.VERIFIED, ("timer",)),
            _component("uart", Trust.UNTRUSTED, ("usart1",)),
        ),
        tasks=tuple(
            Task(name=name, component=name, partition=name, entry=f"{name}_main", stack=STACK) for name in PARTITIONS
        ),
        partitions=(
            Partition(name="attitude", components=("attitude",), trust=Trust.VERIFIED, code_private=False),
            Partition(name="mixer", components=("mixer",), trust=Trust.VERIFIED, code_private=False),
            Partition(name="uart", components=("uart",), trust=Trust.UNTRUSTED, code_private=True),
        ),
        shares=(Share(name="ring", size=RING, memory="ram", access={"attitude": Access.R, "uart": Access.RW}),),
        reserves=(Reserve(memory="ram", range=RESERVE),),
        peripherals=(Peripheral(name="usart1", range=UART), Peripheral(name="timer", range=TIMER)),
    )


def _component(name: str, trust: Trust, peripherals: tuple[str, ...]) -> Component:
    return Component(
        name=name,
        partition=name,
        trust=trust,
        objects=(Path(f"{name}.o"),),
        entry=f"{name}_main",
        memory={Kind.CODE: ("flash",), Kind.RODATA: ("flash",), Kind.DATA: ("ram",)},
        peripherals=peripherals,
        interrupts=(INTERRUPT,) if name == "uart" else (),
        sections=tuple(
            InputSection(object=f"{name}.o", name=f".lp.{name}.{role.value}", role=role, size=size, align=4)
            for role, size in _SIZES.items()
        ),
    )


def plan(unit: UnitName, flash: AddressRange = FLASH) -> Plan:
    """A plan that keeps everything :func:`system` asks. The blocks of flash are at its end."""
    placements = _placements(unit, flash)
    peripherals = (
        PeripheralGrant(name="usart1", partition="uart", range=UART, cover=(UART,)),
        PeripheralGrant(name="timer", partition="mixer", range=TIMER, cover=(TIMER,)),
    )
    slots = slot_map(unit)
    registers: dict[str, tuple[Slot, ...]] = {}
    for partition in PARTITIONS:
        pairs = [
            (p.block.name, encode(unit, p.granted, p.block.granted_to[partition], p.memory))
            for p in placements
            if partition in p.block.granted_to
        ]
        pairs += [(g.name, encode(unit, g.range, Access.RW, "")) for g in peripherals if g.partition == partition]
        filled = {slots.first_dynamic + row: pair for row, pair in enumerate(pairs)}
        registers[partition] = tuple(
            Slot(
                index=index,
                words=filled[index][1] if index in filled else DISABLED,
                owner=filled[index][0] if index in filled else None,
                static=slots.first_static <= index < slots.first_static + slots.static,
                reserved=index >= slots.first_reserved,
            )
            for index in range(8)
        )
    return Plan(
        unit=unit,
        isolation=frozenset({Isolation.MPU}),
        placements=placements,
        peripherals=peripherals,
        slots=slots,
        registers=registers,
        objective=Objective(weights={}, value=0.0, bound=0.0, optimal=False),
    )


def slot_map(unit: UnitName) -> SlotMap:
    """Two static slots, five dynamic, one reserved, in the unit's order."""
    static_first = unit in (UnitName.ARMV6M, UnitName.ARMV7M)
    first_static, first_dynamic = (0, 7 - DYNAMIC) if static_first else (DYNAMIC, 0)
    return SlotMap(
        first_static=first_static,
        static=7 - DYNAMIC,
        first_dynamic=first_dynamic,
        dynamic=DYNAMIC,
        first_reserved=7,
        reserved=1,
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    owner: str
    kind: Kind
    memory: str
    parts: tuple[tuple[str, Role, str | None, int, bool], ...]
    rights: Mapping[str, Access]


def _shapes() -> dict[str, _Shape]:
    def data(name: str) -> _Shape:
        parts = (
            (f"{name}.stack", Role.STACK, name, STACK, True),
            (f"{name}.data", Role.DATA, name, _SIZES[Role.DATA], False),
            (f"{name}.bss", Role.BSS, name, _SIZES[Role.BSS], False),
        )
        return _Shape(name, Kind.DATA, "ram", parts, {name: Access.RW})

    def rodata(name: str) -> _Shape:
        parts = ((f"{name}.rodata", Role.RODATA, name, _SIZES[Role.RODATA], False),)
        return _Shape(name, Kind.RODATA, "flash", parts, {name: Access.R})

    def text(name: str) -> tuple[str, Role, str | None, int, bool]:
        return (f"{name}.text", Role.TEXT, name, _SIZES[Role.TEXT], False)

    private = (text("uart"), ("uart.rodata", Role.RODATA, "uart", _SIZES[Role.RODATA], False))
    ring = (("shared.ring", Role.SHARE, None, RING, True),)
    return {
        "shared:code": _Shape(
            "shared:code",
            Kind.CODE,
            "flash",
            (text("attitude"), text("mixer")),
            {"attitude": Access.RX, "mixer": Access.RX},
        ),
        "attitude.rodata": rodata("attitude"),
        "mixer.rodata": rodata("mixer"),
        "uart.code": _Shape("uart", Kind.CODE, "flash", private, {"uart": Access.RX}),
        "attitude.data": data("attitude"),
        "mixer.data": data("mixer"),
        "uart.data": data("uart"),
        "shared:ring": _Shape("shared:ring", Kind.SHARED, "ram", ring, {"attitude": Access.R, "uart": Access.RW}),
    }


def _placements(unit: UnitName, flash: AddressRange) -> tuple[Placement, ...]:
    tops = {"flash": flash.end, "ram": RESERVE.base}
    made: list[Placement] = []
    for name, shape in _shapes().items():
        parts: list[Part] = []
        end = 0
        for part, role, component, size, whole in shape.parts:
            offset = -(-end // 16) * 16
            end = offset + size
            parts.append(
                Part(name=part, role=role, component=component, offset=offset, size=size, align=16, whole=whole)
            )
        unit_bytes = 32
        while 8 * unit_bytes < end:
            unit_bytes *= 2
        whole_region = 8 * unit_bytes
        base = (tops[shape.memory] - whole_region) // whole_region * whole_region
        tops[shape.memory] = base
        eighths = 8 if unit is UnitName.PMP else -(-end // unit_bytes)
        granted = AddressRange.of(base, eighths * unit_bytes)
        block = Block(
            name=name,
            partition=shape.owner,
            kind=shape.kind,
            memories=(shape.memory,),
            size=end,
            align=16,
            parts=tuple(parts),
            granted_to=shape.rights,
        )
        made.append(Placement(block=block, memory=shape.memory, granted=granted, cover=(granted,)))
    return tuple(made)


def encode(unit: UnitName, granted: AddressRange, access: Access, memory: str) -> Words:
    """One pair for ``granted``, which is the low eighths of an aligned power of two of at least 256 B."""
    writable, executable = Access.WRITE in access, Access.EXECUTE in access
    if unit is UnitName.PMP:
        return granted.base >> 2 | (granted.size >> 3) - 1, 0b11 << 3 | executable << 2 | writable << 1 | 1
    if unit is UnitName.ARMV8M:
        shareable = 0b00 if memory == "flash" else 0b10
        index = {"ram": 0, "flash": 1, "": 3}[memory]
        rbar = granted.base | shareable << 3 | (0b01 if writable else 0b11) << 1 | (not executable)
        return rbar, granted.end - 32 | index << 1 | 1
    whole = 256
    while whole < granted.size or granted.base % whole:
        whole *= 2
    off = 0xFF << granted.size * 8 // whole & 0xFF
    attributes = {"flash": 0b000_010, "ram": 0b000_111, "": 0b000_101}[memory]  # TEX, S, C, B
    permissions = 0b011 if writable else 0b110
    rasr = (not executable) << 28 | permissions << 24 | attributes << 16 | off << 8
    return granted.base, rasr | (whole.bit_length() - 2) << 1 | 1
