"""Systems and plans made by hand, so that the report is tested without the planner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Isolation, Kind, Trust, UnitName
from layoutplan.model.component import Component, Kernel, Partition, Role, Share, System, Task
from layoutplan.model.evidence import Verdict
from layoutplan.model.memory import Memory, MemoryType, Peripheral, Reserve, Target
from layoutplan.model.plan import (
    DISABLED,
    Block,
    Constraint,
    Infeasible,
    Objective,
    OutOfEffort,
    Part,
    PeripheralGrant,
    Placement,
    Plan,
    Remedy,
    Slot,
    SlotMap,
    Solved,
    Words,
)

FLASH = Memory(
    name="flash", range=AddressRange.of(0x0800_0000, 0x1_0000), access=Access.RX, type=MemoryType.NORMAL_WRITE_THROUGH
)
RAM = Memory(name="ram", range=AddressRange.of(0x2000_0000, 0x8000), access=Access.RW, type=MemoryType.NORMAL_UNCACHED)
PROVED = Verdict(obligations=12, proved=12)
READ_ONLY, READ_WRITE = 0b110 << 24, 0b011 << 24
EXECUTE_NEVER = 1 << 28


def part(name: str, role: Role, component: str | None, offset: int, size: int) -> Part:
    return Part(name=name, role=role, component=component, offset=offset, size=size, align=8)


def placement(
    name: str,
    partition: str,
    kind: Kind,
    memory: Memory,
    granted: tuple[int, int],
    parts: tuple[Part, ...],
    granted_to: Mapping[str, Access],
    *,
    cover: tuple[tuple[int, int], ...] = (),
    pin: int | None = None,
) -> Placement:
    """A placed block; its size is the end of its last part, its cover one region unless given."""
    size = max(p.offset + p.size for p in parts)
    block = Block(
        name=name,
        partition=partition,
        kind=kind,
        memories=(memory.name,),
        size=size,
        align=8,
        parts=parts,
        granted_to=granted_to,
        pin=pin,
    )
    pieces = tuple(AddressRange(*piece) for piece in cover or (granted,))
    return Placement(block=block, memory=memory.name, granted=AddressRange(*granted), cover=pieces)


def pmsav7(base: int, size: int, srd: int, rights: int) -> Words:
    """One enabled PMSAv7 region of ``size``, a power of two."""
    return base, rights | srd << 8 | (size.bit_length() - 2) << 1 | 1


def small_system(*, isolated: bool = True, reserves: Iterable[Reserve] = ()) -> System:
    """Two partitions: verified `mix`, and untrusted `io` of two components, one peripheral and two tasks."""
    return System(
        manifest=Path("layout.toml"),
        isolation=frozenset({Isolation.MPU}) if isolated else frozenset(),
        target=Target(chip="mps2-an385", unit=UnitName.ARMV7M, slots=8, memories=(FLASH, RAM)),
        kernel=Kernel(code=0x1000, data=64, bss=448, stack=512, reserved_slots=1),
        components=(
            Component(name="mix", partition="mix"),
            Component(name="uart", partition="io", trust=Trust.UNTRUSTED, peripherals=("uart0",)),
            Component(name="gps", partition="io", trust=Trust.UNTRUSTED),
        ),
        tasks=(
            Task(name="mix", component="mix", partition="mix", entry="mix_main", stack=296),
            Task(name="gps", component="gps", partition="io", entry="gps_main", stack=552),
            Task(name="uart", component="uart", partition="io", entry="uart_main", stack=168),
        ),
        partitions=(
            Partition(name="io", components=("gps", "uart"), trust=Trust.UNTRUSTED, code_private=True),
            Partition(name="mix", components=("mix",), trust=Trust.VERIFIED, code_private=True),
        ),
        shares=(Share(name="ring", size=250, memory="ram", access={"io": Access.RW, "mix": Access.R}),),
        reserves=tuple(reserves),
        peripherals=(Peripheral(name="uart0", range=AddressRange.of(0x4000_4000, 0x1000)),),
    )


def small_plan() -> Plan:
    """A plan for ``small_system``: padding in every block, one gap in RAM, every slot filled in."""
    io, mix = {"io": Access.RX}, {"mix": Access.RX}
    placements = (
        placement(
            "io.code",
            "io",
            Kind.CODE,
            FLASH,
            (0x0800_F000, 0x0801_0000),
            (part("gps.text", Role.TEXT, "gps", 0, 2100), part("uart.text", Role.TEXT, "uart", 2104, 1600)),
            io,
        ),
        placement(
            "mix.code",
            "mix",
            Kind.CODE,
            FLASH,
            (0x0800_EC00, 0x0800_F000),
            (part("mix.text", Role.TEXT, "mix", 0, 1001),),
            mix,
        ),
        placement(
            "io.data",
            "io",
            Kind.DATA,
            RAM,
            (0x2000_7800, 0x2000_8000),
            (
                part("gps.stack", Role.STACK, "gps", 0, 552),
                part("uart.stack", Role.STACK, "uart", 552, 168),
                part("gps.data", Role.DATA, "gps", 720, 36),
                part("gps.bss", Role.BSS, "gps", 760, 900),
                part("uart.bss", Role.BSS, "uart", 1664, 128),
            ),
            {"io": Access.RW},
        ),
        placement(
            "shared:ring",
            "shared:ring",
            Kind.SHARED,
            RAM,
            (0x2000_7700, 0x2000_7800),
            (part("ring", Role.SHARE, None, 0, 250),),
            {"io": Access.RW, "mix": Access.R},
        ),
        placement(
            "mix.data",
            "mix",
            Kind.DATA,
            RAM,
            (0x2000_7200, 0x2000_7680),
            (
                part("mix.stack", Role.STACK, "mix", 0, 296),
                part("mix.data", Role.DATA, "mix", 296, 12),
                part("mix.bss", Role.BSS, "mix", 312, 788),
            ),
            {"mix": Access.RW},
            cover=((0x2000_7200, 0x2000_7600), (0x2000_7600, 0x2000_7680)),
        ),
    )
    return Plan(
        unit=UnitName.ARMV7M,
        isolation=frozenset({Isolation.MPU}),
        placements=placements,
        peripherals=(
            PeripheralGrant(
                name="uart0",
                partition="io",
                range=AddressRange.of(0x4000_4000, 0x1000),
                cover=(AddressRange.of(0x4000_4000, 0x1000),),
            ),
        ),
        slots=SlotMap(first_static=0, static=3, first_dynamic=3, dynamic=4, first_reserved=7, reserved=1),
        registers={"io": _io_slots(), "mix": _mix_slots()},
        objective=Objective(weights={"flash": 1.0, "ram": 4.0}, value=1500.0, bound=1300.0, optimal=False),
    )


def _slots(dynamic: tuple[tuple[str | None, Words], ...]) -> tuple[Slot, ...]:
    static = [Slot(index=i, words=DISABLED, static=True) for i in range(3)]
    middle = [Slot(index=3 + i, words=words, owner=owner) for i, (owner, words) in enumerate(dynamic)]
    return (*static, *middle, Slot(index=7, words=DISABLED, reserved=True))


def _io_slots() -> tuple[Slot, ...]:
    return _slots(
        (
            ("io.code", pmsav7(0x0800_F000, 0x1000, 0, READ_ONLY)),
            ("io.data", pmsav7(0x2000_7800, 0x800, 0, READ_WRITE | EXECUTE_NEVER)),
            ("shared:ring", pmsav7(0x2000_7700, 0x100, 0, READ_WRITE | EXECUTE_NEVER)),
            ("uart0", pmsav7(0x4000_4000, 0x1000, 0, READ_WRITE | EXECUTE_NEVER)),
        )
    )


def _mix_slots() -> tuple[Slot, ...]:
    return _slots(
        (
            ("mix.code", pmsav7(0x0800_EC00, 0x400, 0, READ_ONLY)),
            ("mix.data", pmsav7(0x2000_7000, 0x800, 0b1100_0011, READ_WRITE | EXECUTE_NEVER)),
            ("mix.data", pmsav7(0x2000_7600, 0x80, 0, READ_WRITE | EXECUTE_NEVER)),
            ("shared:ring", pmsav7(0x2000_7700, 0x100, 0, READ_ONLY | EXECUTE_NEVER)),
        )
    )


def small_outcome() -> Solved:
    return Solved(plan=small_plan())


def infeasible() -> Infeasible:
    return Infeasible(
        core=(
            Constraint(
                name="capacity-ram",
                text="`ram` has 0x8000 bytes; the kernel keeps 0x400 and the partitions ask for 0x8200",
                where="layout.toml:9: memory.ram.length",
            ),
            Constraint(
                name="heap",
                text="`component.gps` asks for a heap of 0x6000 bytes",
                where="layout.toml:31: component.gps.heap",
            ),
        ),
        minimal=True,
        remedies=(
            Remedy(text="lengthen `ram` by 0x800 bytes", cost=2048.0),
            Remedy(text="take 0x600 bytes off `component.gps.heap`", cost=1536.0),
        ),
    )


def undecided() -> OutOfEffort:
    return OutOfEffort(reason="1000000 solver steps were not enough to place 41 blocks in `ram`")
