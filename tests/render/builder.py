"""A small system and a plan for it, made by hand: nothing of the planner is needed to test what it is rendered to.

Two verified components share their code, one untrusted driver has a peripheral and a device interrupt, one component
is planned on sizes alone. Flash is 256 KiB from zero, RAM 64 KiB from 0x2000_0000.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Isolation, Kind, Machine, Trust, UnitName
from layoutplan.model.component import Component, InputSection, Kernel, Partition, Role, Share, System, Task
from layoutplan.model.memory import Memory, MemoryType, Target
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

FLASH = AddressRange.of(0x0000_0000, 256 * 1024)
RAM = AddressRange.of(0x2000_0000, 64 * 1024)
UART = AddressRange.of(0x4000_4000, 0x400)
SLOTS = 8
STATIC = 2

_RX, _R, _RW = Access.RX, Access.R, Access.RW


@dataclass(frozen=True, slots=True)
class Sketch:
    """A block in one line: name, owner, kind, base, granted bytes, parts (name, role, component, offset, size)."""

    name: str
    owner: str
    kind: Kind
    base: int
    granted: int
    access: Mapping[str, Access]
    parts: tuple[tuple[str, Role, str | None, int, int], ...]


def sections(component: str, **sizes: int) -> tuple[InputSection, ...]:
    """One input section per role, as a sealed object has them."""
    return tuple(
        InputSection(object=f"{component}.o", name=f".lp.{component}.{role}", role=Role(role), size=size, align=4)
        for role, size in sizes.items()
    )


def _component(name: str, *, trust: Trust = Trust.VERIFIED, **sizes: int) -> Component:
    return Component(
        name=name,
        partition=name,
        trust=trust,
        objects=(Path(f"{name}.o"),),
        entry=f"{name}_main",
        sections=sections(name, **sizes),
    )


COMPONENTS = (
    _component("att", text=64, rodata=16, data=20, bss=40),
    replace(_component("gps", trust=Trust.UNTRUSTED, text=96, data=12, bss=8), heap=128, interrupts=(5,)),
    _component("mix", text=32, bss=24),
)
TASKS = (
    Task(name="att", component="att", partition="att", entry="att_main", stack=256),
    Task(name="gps", component="gps", partition="gps", entry="gps_main", stack=128),
    Task(name="mix", component="mix", partition="mix", entry="mix_main", stack=96),
)
BLOCKS = (
    Sketch(
        "shared:code",
        "shared:code",
        Kind.CODE,
        0x0003_FF80,
        128,
        {"att": _RX, "mix": _RX},
        (("att.text", Role.TEXT, "att", 0, 64), ("mix.text", Role.TEXT, "mix", 64, 32)),
    ),
    Sketch(
        "att.rodata",
        "att",
        Kind.RODATA,
        0x0003_FF60,
        32,
        {"att": _R},
        (("att.rodata", Role.RODATA, "att", 0, 16),),
    ),
    Sketch("gps.code", "gps", Kind.CODE, 0x0003_FE80, 128, {"gps": _RX}, (("gps.text", Role.TEXT, "gps", 0, 96),)),
    Sketch(
        "att.data",
        "att",
        Kind.DATA,
        0x2000_FE00,
        384,
        {"att": _RW},
        (
            ("att.stack", Role.STACK, "att", 0, 256),
            ("att.data", Role.DATA, "att", 256, 20),
            ("att.bss", Role.BSS, "att", 276, 40),
        ),
    ),
    Sketch(
        "gps.data",
        "gps",
        Kind.DATA,
        0x2000_FC00,
        320,
        {"gps": _RW},
        (
            ("gps.stack", Role.STACK, "gps", 0, 128),
            ("gps.data", Role.DATA, "gps", 128, 12),
            ("gps.bss", Role.BSS, "gps", 140, 8),
            ("gps.heap", Role.HEAP, "gps", 152, 128),
        ),
    ),
    Sketch(
        "mix.data",
        "mix",
        Kind.DATA,
        0x2000_FF80,
        128,
        {"mix": _RW},
        (("mix.stack", Role.STACK, "mix", 0, 96), ("mix.bss", Role.BSS, "mix", 96, 24)),
    ),
    Sketch(
        "shared:ring",
        "shared:ring",
        Kind.SHARED,
        0x2000_FB80,
        64,
        {"gps": _RW, "att": _R},
        (("shared.ring", Role.SHARE, None, 0, 64),),
    ),
)


def system(**changes: object) -> System:
    """The system, with fields replaced."""
    base = System(
        manifest=Path("layout.toml"),
        isolation=frozenset({Isolation.MPU}),
        target=Target(
            unit=UnitName.ARMV7M,
            slots=SLOTS,
            memories=(
                Memory(name="flash", range=FLASH, access=_RX, type=MemoryType.NORMAL_WRITE_THROUGH),
                Memory(name="ram", range=RAM, access=_RW, type=MemoryType.NORMAL_WRITE_BACK, shareable=True),
            ),
        ),
        kernel=Kernel(stack=1024),
        components=COMPONENTS,
        tasks=TASKS,
        partitions=tuple(
            Partition(
                name=component.name,
                components=(component.name,),
                trust=component.trust,
                code_private=component.trust is Trust.UNTRUSTED,
            )
            for component in COMPONENTS
        ),
        shares=(Share(name="ring", size=64, memory="ram", access={"gps": _RW, "att": _R}),),
    )
    return replace(base, **changes)  # type: ignore[arg-type] # the caller names fields of System


def placement(sketch: Sketch) -> Placement:
    """The sketch as a placed block whose regions are found by halving: see ``_pieces``."""
    memory = "ram" if sketch.base >= RAM.base else "flash"
    parts = tuple(
        Part(name=name, role=role, component=component, offset=offset, size=size, align=8 if role is Role.STACK else 4)
        for name, role, component, offset, size in sketch.parts
    )
    granted = AddressRange.of(sketch.base, sketch.granted)
    block = Block(
        name=sketch.name,
        partition=sketch.owner,
        kind=sketch.kind,
        memories=(memory,),
        size=max(part.offset + part.size for part in parts),
        align=8,
        parts=parts,
        granted_to=sketch.access,
    )
    return Placement(block=block, memory=memory, granted=granted, cover=(granted,))


def rasr(piece: AddressRange, base: int, log2: int, access: Access, attributes: int) -> int:
    """MPU_RASR for ``piece`` inside the region of ``1 << log2`` bytes at ``base``."""
    eighth = (1 << log2) // 8
    srd = 0
    if piece.size != 1 << log2:
        srd = sum(1 << index for index in range(8) if base + index * eighth not in piece)
    ap = 0b011 if Access.WRITE in access else 0b110
    xn = 0 if Access.EXECUTE in access else 1
    return xn << 28 | ap << 24 | attributes << 16 | srd << 8 | (log2 - 1) << 1 | 1


def region(unit: UnitName, piece: AddressRange, access: Access) -> tuple[Words, ...]:
    """The pairs for ``piece``, written out from the manuals: one on Arm, two for TOR."""
    if unit is UnitName.ARMV8M:
        return (_pmsav8(piece, access),)
    if unit is UnitName.PMP:
        return _pmp(piece, access)
    return (_pmsav7(piece, access, _attributes(piece)),)


def _pmsav8(piece: AddressRange, access: Access) -> Words:
    """RAM is attribute 0 and outer shareable, flash attribute 1, devices attribute 3 and outer shareable."""
    index, sharing = (1, 0b00) if piece.base < RAM.base else (0, 0b10) if piece.base < UART.base else (3, 0b10)
    ap = 0b01 if Access.WRITE in access else 0b11
    xn = 0 if Access.EXECUTE in access else 1
    return piece.base | sharing << 3 | ap << 1 | xn, piece.end - 32 | index << 1 | 1


def _pmp(piece: AddressRange, access: Access) -> tuple[Words, ...]:
    if piece.size & piece.size - 1 == 0 and piece.base % piece.size == 0:
        return ((piece.base >> 2 | (piece.size >> 3) - 1, 0b11 << 3 | int(access)),)
    return (piece.base >> 2, 0), (piece.end >> 2, 0b01 << 3 | int(access))


def _pmsav7(piece: AddressRange, access: Access, attributes: int) -> Words:
    """One MPU region: the least aligned power of two around it, the rest cut off by SRD."""
    log2 = 5
    while piece.base >> log2 != piece.last >> log2:
        log2 += 1
    base = piece.base >> log2 << log2
    return base, rasr(piece, base, log2, access, attributes)


def _attributes(piece: AddressRange) -> int:
    """TEX, S, C, B: flash write-through, RAM write-back and shareable, the rest device and shareable."""
    return 0x02 if piece.base < RAM.base else 0x07 if piece.base < UART.base else 0x05


def plan(asked: System | None = None, blocks: Iterable[Sketch] = BLOCKS, *, static: int = STATIC) -> Plan:
    """The plan for ``asked``: regions by address, static slots without use, first or last as the unit has it."""
    asked = asked or system()
    unit = asked.unit
    placements = tuple(placement(sketch) for sketch in blocks)
    peripherals = tuple(
        PeripheralGrant(name="uart1", partition=partition.name, range=UART, cover=(UART,))
        for partition in asked.partitions
        if partition.name == "gps"
    )
    isolated = unit is not UnitName.NONE
    static_first = unit in (UnitName.ARMV6M, UnitName.ARMV7M)
    dynamic = SLOTS - static
    first_dynamic, first_static = (static, 0) if static_first else (0, dynamic)
    registers: dict[str, tuple[Slot, ...]] = {}
    for partition in sorted(partition.name for partition in asked.partitions) if isolated else ():
        wanted = [
            (placed.granted, placed.block.granted_to[partition], placed.block.name)
            for placed in placements
            if partition in placed.block.granted_to
        ]
        wanted += [(grant.range, _RW, grant.name) for grant in peripherals if grant.partition == partition]
        pairs = [(owner, words) for piece, access, owner in sorted(wanted) for words in region(unit, piece, access)]
        slots = {
            index: Slot(index=index, words=DISABLED, static=True)
            for index in range(first_static, first_static + static)
        }
        for index in range(first_dynamic, first_dynamic + dynamic):
            owner, words = pairs.pop(0) if pairs else (None, DISABLED)
            slots[index] = Slot(index=index, words=words, owner=owner)
        assert not pairs, "the sketch needs more slots"
        registers[partition] = tuple(slots[index] for index in sorted(slots))
    return Plan(
        unit=unit,
        isolation=asked.isolation,
        placements=placements,
        peripherals=peripherals,
        slots=SlotMap(
            first_static=first_static if isolated else 0,
            static=static if isolated else 0,
            first_dynamic=first_dynamic if isolated else 0,
            dynamic=dynamic if isolated else 0,
            first_reserved=SLOTS,
            reserved=0,
        ),
        registers=registers,
        objective=Objective(weights={}, value=0.0, bound=0.0, optimal=False),
    )


def on(unit: UnitName) -> System:
    """The system on another unit."""
    machine = Machine.RISCV if unit is UnitName.PMP else Machine.ARM
    return system(target=replace(system().target, unit=unit, machine=machine))
