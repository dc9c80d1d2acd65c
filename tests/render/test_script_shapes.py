"""Systems of other shapes: one memory for all, code that runs from RAM, several components in one partition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Component, Kernel, Partition, Role, System
from layoutplan.model.memory import Memory, MemoryType, Reserve
from layoutplan.render import render
from tests.render import builder
from tests.render.builder import Sketch
from tests.render.image import Image
from tests.render.test_script import both_linkers, build

RX, RW = Access.RX, Access.RW


def partition_of(*components: Component) -> System:
    """All components in one private partition, without tasks."""
    name = components[0].partition
    partition = Partition(
        name=name,
        components=tuple(component.name for component in components),
        trust=components[0].trust,
        code_private=True,
    )
    return builder.system(components=components, partitions=(partition,), tasks=(), shares=())


def component(name: str, **sizes: int) -> Component:
    return Component(
        name=name,
        partition="io",
        objects=(Path(f"{name}.o"),),
        entry=f"{name}_main",
        sections=builder.sections(name, **sizes),
    )


def initialised(image: Image) -> dict[int, int]:
    """The bytes that start-up leaves in RAM."""
    words = image.words(image.symbols["__lp_init_start"], image.symbols["__lp_init_end"])
    memory: dict[int, int] = {}
    for index in range(0, len(words), 4):
        load, address, copied, zeroed = words[index : index + 4]
        data = image.flashed(load, copied)
        memory.update(enumerate(data + bytes(zeroed), address))
    return memory


@both_linkers
def test_one_copy_initialises_all_components_of_a_partition(linker: str, tmp_path: Path) -> None:
    system = partition_of(component("a", text=16, data=10, bss=6), component("b", text=32, data=20, bss=12))
    blocks = (
        Sketch(
            "io.code", "io", Kind.CODE, 0x3_FFC0, 64, {"io": RX}, _parts(("a", 0, 16), ("b", 16, 32), role=Role.TEXT)
        ),
        Sketch(
            "io.data",
            "io",
            Kind.DATA,
            0x2000_FFC0,
            64,
            {"io": RW},
            _parts(("a", 0, 10), ("b", 12, 20), role=Role.DATA) + _parts(("a", 32, 6), ("b", 40, 12), role=Role.BSS),
        ),
    )
    image = build(linker, tmp_path, system, builder.plan(system, blocks))
    assert image.symbols["__lp_init_end"] - image.symbols["__lp_init_start"] == 16
    memory = initialised(image)
    start = 0x2000_FFC0
    assert bytes(memory[start + offset] for offset in range(10)) == b"a" * 10
    assert bytes(memory[start + offset] for offset in range(12, 32)) == b"b" * 20
    assert bytes(memory[start + offset] for offset in range(32, 64)) == bytes(32)


def _parts(*rows: tuple[str, int, int], role: Role) -> tuple[tuple[str, Role, str | None, int, int], ...]:
    return tuple((f"{name}.{role}", role, name, offset, size) for name, offset, size in rows)


@both_linkers
def test_code_that_runs_from_ram_is_copied_too(linker: str, tmp_path: Path) -> None:
    system = partition_of(component("a", text=48, rodata=16, data=8))
    blocks = (
        Sketch(
            "io.code",
            "io",
            Kind.CODE,
            0x2000_FF40,
            64,
            {"io": RX},
            _parts(("a", 0, 48), role=Role.TEXT) + _parts(("a", 48, 16), role=Role.RODATA),
        ),
        Sketch("io.data", "io", Kind.DATA, 0x2000_FFC0, 64, {"io": RW}, _parts(("a", 0, 8), role=Role.DATA)),
    )
    image = build(linker, tmp_path, system, builder.plan(system, blocks))
    memory = initialised(image)
    assert image.sections[".lp.a.text"].address == 0x2000_FF40
    assert bytes(memory[0x2000_FF40 + offset] for offset in range(48, 64)) == b"a" * 16
    assert bytes(memory[0x2000_FF40 + offset] for offset in range(2)) != bytes(2), "the first instruction"
    assert all(load.physical in builder.FLASH for load in image.loads if load.file_size)


@both_linkers
def test_one_memory_for_code_and_data(linker: str, tmp_path: Path) -> None:
    base = builder.on(UnitName.PMP)
    whole = Memory(name="ram", range=builder.RAM, access=RW | Access.EXECUTE, type=MemoryType.NORMAL_WRITE_BACK)
    system = replace(
        partition_of(component("a", text=48, data=8)),
        target=replace(base.target, memories=(whole,)),
        kernel=Kernel(stack=256, code_memory="ram", data_memory="ram"),
    )
    blocks = (
        Sketch("io.code", "io", Kind.CODE, 0x2000_FF40, 64, {"io": RX}, _parts(("a", 0, 48), role=Role.TEXT)),
        Sketch("io.data", "io", Kind.DATA, 0x2000_FFC0, 64, {"io": RW}, _parts(("a", 0, 8), role=Role.DATA)),
    )
    image = build(linker, tmp_path, system, builder.plan(system, blocks))
    assert image.sections[".lp.kernel.stack"].address == 0x2000_0000
    assert image.sections[".vector_table"].address == image.symbols["_start"] & ~0xFF == 0x2000_0100
    memory = initialised(image)
    assert bytes(memory[0x2000_FFC0 + offset] for offset in range(8)) == b"a" * 8


def test_reserved_ranges_bound_the_kernel_from_below_and_above() -> None:
    reserves = (
        Reserve(memory="ram", range=AddressRange.of(0x2000_0000, 0x100)),
        Reserve(memory="ram", range=AddressRange.of(0x2000_8000, 0x100)),
    )
    system = builder.system(reserves=reserves)
    script = render(system, builder.plan(system))["layout.ld"]
    assert "__lp_kernel_stack_start = 0x20000100;" in script
    assert "ASSERT(__lp_kernel_ram_end <= 0x20008000," in script


@both_linkers
def test_a_memory_with_a_dash_in_its_name(linker: str, tmp_path: Path) -> None:
    """In ``ORIGIN(main-ram)`` a linker reads a minus sign."""
    system = builder.system()
    flash, ram = system.target.memories
    system = replace(
        system,
        target=replace(system.target, memories=(flash, replace(ram, name="main-ram"))),
        kernel=replace(system.kernel, data_memory="main-ram"),
    )
    plan = builder.plan(builder.system())
    moved = tuple(
        replace(placed, memory="main-ram") if placed.memory == "ram" else placed for placed in plan.placements
    )
    image = build(linker, tmp_path, system, replace(plan, placements=moved))
    assert image.sections[".lp.gps.data"].address == 0x2000_FC80
