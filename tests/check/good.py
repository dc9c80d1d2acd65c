"""A small system and a good plan for it, laid out by a few lines that share nothing with the planner or the checker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Isolation, Kind, Trust, UnitName
from layoutplan.model.component import Component, InputSection, Kernel, Partition, Role, Share, System, Task
from layoutplan.model.memory import Alias, Memory, MemoryType, Peripheral, Reserve, Target
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


def section(component: str, role: Role, size: int, align: int = 4) -> InputSection:
    return InputSection(
        object=f"{component}.o", name=f".lp.{component}.{role.value}", role=role, size=size, align=align
    )


def component(name: str, **changes: object) -> Component:
    sizes = {Role.TEXT: 0x300, Role.RODATA: 0x50, Role.DATA: 0x24, Role.BSS: 0x71}
    made = Component(
        name=name,
        partition=name,
        objects=(Path(f"{name}.o"),),
        entry=f"{name}_main",
        memory={Kind.CODE: ("flash",), Kind.RODATA: ("flash",), Kind.DATA: ("ram",)},
        sections=tuple(section(name, role, size) for role, size in sizes.items()),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields are named at each call


def good_system(unit: UnitName = UnitName.ARMV7M, **changes: object) -> System:
    target = Target(
        unit=unit,
        slots=8,
        memories=(
            Memory(name="flash", range=FLASH, access=Access.RX, type=MemoryType.NORMAL_WRITE_THROUGH),
            Memory(name="ram", range=RAM, access=Access.RW, type=MemoryType.NORMAL_WRITE_BACK, shareable=True),
        ),
        aliases=(Alias(view=AddressRange.of(0x2200_0000, 32 * RAM.size), target=RAM, scale=32),),
    )
    made = System(
        manifest=Path("layout.toml"),
        isolation=frozenset({Isolation.MPU}),
        target=target,
        kernel=Kernel(code=0x1000, data=0x40, bss=0x200, stack=0x400, reserved_slots=1),
        components=(
            component("attitude"),
            component("mixer", peripherals=("timer",)),
            component("uart", trust=Trust.UNTRUSTED, peripherals=("usart1",)),
        ),
        tasks=tuple(
            Task(name=name, component=name, partition=name, entry=f"{name}_main", stack=0x228)
            for name in ("attitude", "mixer", "uart")
        ),
        partitions=(
            Partition(name="attitude", components=("attitude",), trust=Trust.VERIFIED, code_private=False),
            Partition(name="mixer", components=("mixer",), trust=Trust.VERIFIED, code_private=False),
            Partition(name="uart", components=("uart",), trust=Trust.UNTRUSTED, code_private=True),
        ),
        shares=(Share(name="ring", size=0x208, memory="ram", access={"attitude": Access.R, "uart": Access.RW}),),
        reserves=(Reserve(memory="ram", range=RESERVE),),
        peripherals=(Peripheral(name="usart1", range=UART), Peripheral(name="timer", range=TIMER)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields are named at each call


@dataclass(frozen=True)
class Shape:
    """One block to place, with its parts as (name, role, component, size, whole)."""

    name: str
    owner: str
    kind: Kind
    memory: str
    parts: tuple[tuple[str, Role, str | None, int, bool], ...]
    rights: dict[str, Access]


def shapes() -> list[Shape]:
    def data(name: str) -> Shape:
        parts = (
            (f"{name}.stack", Role.STACK, name, 0x228, True),
            (f"{name}.data", Role.DATA, name, 0x24, False),
            (f"{name}.bss", Role.BSS, name, 0x71, False),
        )
        return Shape(f"{name}.data", name, Kind.DATA, "ram", parts, {name: Access.RW})

    def rodata(name: str) -> Shape:
        parts = ((f"{name}.rodata", Role.RODATA, name, 0x50, False),)
        return Shape(f"{name}.rodata", name, Kind.RODATA, "flash", parts, {name: Access.R})

    text = tuple((f"{name}.text", Role.TEXT, name, 0x300, False) for name in ("attitude", "mixer"))
    private = (("uart.text", Role.TEXT, "uart", 0x300, False), ("uart.rodata", Role.RODATA, "uart", 0x50, False))
    ring = (("shared.ring", Role.SHARE, None, 0x208, True),)
    return [
        Shape("shared:code", "shared:code", Kind.CODE, "flash", text, {"attitude": Access.RX, "mixer": Access.RX}),
        rodata("attitude"),
        rodata("mixer"),
        Shape("uart.code", "uart", Kind.CODE, "flash", private, {"uart": Access.RX}),
        data("attitude"),
        data("mixer"),
        data("uart"),
        Shape("shared:ring", "shared:ring", Kind.SHARED, "ram", ring, {"attitude": Access.R, "uart": Access.RW}),
    ]


def placements(chosen: list[Shape], tops: dict[str, int]) -> list[Placement]:
    """Blocks downward from ``tops``, each in the low eighths of one region of eight."""
    made = []
    for shape in chosen:
        parts, end = [], 0
        for name, role, owner, size, whole in shape.parts:
            offset = (end + 7) // 8 * 8
            end = offset + size
            parts.append(Part(name=name, role=role, component=owner, offset=offset, size=size, align=8, whole=whole))
        unit = 32
        while 8 * unit < end:
            unit *= 2
        base = (tops[shape.memory] - 8 * unit) // (8 * unit) * (8 * unit)
        tops[shape.memory] = base
        granted = AddressRange.of(base, (end + unit - 1) // unit * unit)
        block = Block(
            name=shape.name,
            partition=shape.owner,
            kind=shape.kind,
            memories=(shape.memory,),
            size=end,
            align=8,
            parts=tuple(parts),
            granted_to=shape.rights,
        )
        made.append(Placement(block=block, memory=shape.memory, granted=granted, cover=(granted,)))
    return made


def rasr(*, log2: int, ap: int, xn: bool, attributes: int, srd: int = 0) -> int:
    return xn << 28 | ap << 24 | attributes << 16 | srd << 8 | (log2 - 1) << 1 | 1


FLASH_BITS, RAM_BITS, DEVICE_BITS = 0b000_010, 0b000_111, 0b000_101  # TEX, S, C, B


def words(granted: AddressRange, access: Access, attributes: int) -> Words:
    """One PMSAv7 pair; ``granted`` is in the low eighths of the least region that holds it."""
    log2 = 8
    while granted.base % (1 << log2) or 1 << log2 < granted.size:
        log2 += 1
    eighths = granted.size // (1 << log2 - 3)
    ap = 0b011 if Access.WRITE in access else 0b110
    off = 0xFF << eighths & 0xFF
    xn = Access.EXECUTE not in access
    return granted.base, rasr(log2=log2, ap=ap, xn=xn, attributes=attributes, srd=off)


def good_plan() -> Plan:
    placed = placements(shapes(), {"flash": FLASH.end, "ram": RESERVE.base})
    peripherals = (
        PeripheralGrant(name="usart1", partition="uart", range=UART, cover=(UART,)),
        PeripheralGrant(name="timer", partition="mixer", range=TIMER, cover=(TIMER,)),
    )
    registers = {}
    for partition in ("attitude", "mixer", "uart"):
        pairs = [
            words(p.granted, p.block.granted_to[partition], FLASH_BITS if p.memory == "flash" else RAM_BITS)
            for p in placed
            if partition in p.block.granted_to
        ]
        pairs += [words(g.range, Access.RW, DEVICE_BITS) for g in peripherals if g.partition == partition]
        filled = [DISABLED] * 3 + pairs + [DISABLED] * (4 - len(pairs))
        registers[partition] = (
            *(Slot(index=i, words=pair, static=i < 3) for i, pair in enumerate(filled)),
            Slot(index=7, words=DISABLED, reserved=True),
        )
    return Plan(
        unit=UnitName.ARMV7M,
        isolation=frozenset({Isolation.MPU}),
        placements=tuple(placed),
        peripherals=peripherals,
        slots=SlotMap(first_static=0, static=3, first_dynamic=3, dynamic=4, first_reserved=7, reserved=1),
        registers=registers,
        objective=Objective(weights={}, value=0.0, bound=0.0, optimal=False),
    )
