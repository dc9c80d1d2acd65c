"""Small systems to plan, in a line each, and any system at all for the laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Isolation, Kind, Trust, UnitName
from layoutplan.model.component import Component, Kernel, Partition, Role, Share, System, Task
from layoutplan.model.memory import Memory, MemoryType, Peripheral, PmpTraits, Reserve, Target

RAM = 0x2000_0000
TCM = 0x1000_0000


@dataclass(frozen=True, kw_only=True)
class Want:
    """One component in a partition of its own, by sizes."""

    name: str
    text: int = 0
    rodata: int = 0
    bss: int = 0
    data: int = 0
    stack: int = 0
    private: bool = True
    slots: int | None = None
    split: bool = True
    pin: Mapping[Kind, int] = field(default_factory=dict)
    memory: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    peripherals: tuple[str, ...] = ()
    accept: frozenset[str] = frozenset()


def system(
    wants: Sequence[Want],
    *,
    flash: int = 8192,
    ram: int = 4096,
    tcm: int = 0,
    slots: int = 8,
    unit: UnitName = UnitName.ARMV7M,
    isolated: bool = True,
    shares: Sequence[Share] = (),
    runtime: int = 0,
    reserves: Sequence[Reserve] = (),
    peripherals: Sequence[Peripheral] = (),
    **more: Any,  # noqa: ANN401 - passed on to System and Kernel
) -> System:
    """A system whose flash begins at 0 and whose RAM begins at 0x2000_0000."""
    memories = [
        Memory(name="flash", range=AddressRange.of(0, flash), access=Access.RX, type=MemoryType.NORMAL_WRITE_THROUGH),
        Memory(name="ram", range=AddressRange.of(RAM, ram), access=Access.RW, type=MemoryType.NORMAL_WRITE_BACK),
    ]
    if tcm:
        fast = AddressRange.of(TCM, tcm)
        memories.append(Memory(name="tcm", range=fast, access=Access.RW, type=MemoryType.NORMAL_WRITE_BACK))
    components = []
    for want in wants:
        sizes = {Role.TEXT: want.text, Role.RODATA: want.rodata, Role.DATA: want.data, Role.BSS: want.bss}
        components.append(
            Component(
                name=want.name,
                partition=want.name,
                sizes={role: size for role, size in sizes.items() if size},
                memory=want.memory,
                peripherals=want.peripherals,
                accept=want.accept,
            )
        )
    kernel = more.pop("kernel", Kernel())
    return System(
        manifest=Path("layout.toml"),
        isolation=frozenset({Isolation.MPU}) if isolated else frozenset(),
        target=Target(unit=unit, slots=slots, memories=tuple(memories), pmp=more.pop("pmp", PmpTraits())),
        kernel=kernel,
        components=tuple(components),
        tasks=tuple(
            Task(name=want.name, component=want.name, partition=want.name, entry="main", stack=want.stack)
            for want in wants
            if want.stack
        ),
        partitions=tuple(
            Partition(
                name=want.name,
                components=(want.name,),
                trust=Trust.VERIFIED,
                code_private=want.private,
                slots=want.slots,
                split=want.split,
                pin=want.pin,
            )
            for want in wants
        ),
        shares=tuple(shares),
        runtime=Component(name="runtime", partition="runtime", sizes={Role.TEXT: runtime}) if runtime else None,
        reserves=tuple(reserves),
        peripherals=tuple(peripherals),
        **more,
    )


@st.composite
def systems(draw: st.DrawFn, *, most: int = 4, largest: int = 1500, unit: UnitName = UnitName.ARMV7M) -> System:
    """Any system of up to ``most`` components: shared code, a share, a runtime, pins, reserves, tight or ample."""
    names = ["a", "b", "c", "d", "e", "f"][: draw(st.integers(1, most))]
    size = st.integers(0, largest)
    wants = []
    for name in names:
        pin = draw(st.none() | st.integers(0, 127).map(lambda k: RAM + 32 * k)) if draw(st.booleans()) else None
        text, bss, data, stack = draw(size), draw(size), draw(st.integers(0, 64)), draw(st.sampled_from([0, 128, 520]))
        wants.append(
            Want(
                name=name,
                text=text + 1,
                rodata=draw(st.integers(0, 200)),
                bss=bss,
                data=data,
                stack=stack,
                private=draw(st.booleans()),
                slots=draw(st.none() | st.integers(2, 8)),
                split=draw(st.integers(0, 3)) > 0,
                pin={Kind.DATA: pin} if pin is not None and bss + data + stack else {},
            )
        )
    shares = []
    if len(names) > 1 and draw(st.booleans()):
        access = {names[0]: Access.RW, names[1]: draw(st.sampled_from([Access.R, Access.RW]))}
        shares.append(Share(name="ring", size=draw(st.integers(1, 700)), memory="ram", access=access))
    reserves = []
    if draw(st.booleans()):
        held = AddressRange.of(RAM + 32 * draw(st.integers(0, 100)), draw(st.integers(1, 400)))
        reserves.append(Reserve(memory="ram", range=held))
    return system(
        wants,
        flash=draw(st.sampled_from([4096, 8192, 10_000, 16_384])),
        ram=draw(st.sampled_from([2048, 4096, 6144, 8192])),
        slots=draw(st.sampled_from([8, 16])),
        unit=unit,
        isolated=draw(st.integers(0, 5)) > 0,
        shares=shares,
        runtime=draw(st.sampled_from([0, 0, 300])),
        reserves=reserves,
        kernel=Kernel(
            code=draw(st.integers(0, 500)), bss=draw(st.integers(0, 100)), reserved_slots=draw(st.integers(0, 1))
        ),
    )
