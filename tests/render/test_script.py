"""The standalone script, linked by both linkers and read back with GNU readelf."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import Machine, UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.memory import Reserve
from layoutplan.model.plan import Plan
from layoutplan.render import plan_hash, render
from layoutplan.render.names import output_section
from tests.render import builder
from tests.render.image import Image, read
from tests.render.objects import LINKERS, RV32, THUMB, assemble, component_source, kernel_source, link

both_linkers = pytest.mark.parametrize("linker", LINKERS)


def build(linker: str, folder: Path, system: System, plan: Plan, **kernel: object) -> Image:
    """Render, assemble, link with every section accounted for, read."""
    dialect = THUMB if system.target.machine is Machine.ARM else RV32
    script = folder / "layout.ld"
    script.write_text(render(system, plan)["layout.ld"])
    objects = [
        assemble(component_source(component, dialect), folder / f"{component.name}.o", dialect)
        for component in system.components
    ]
    source = kernel_source(system, plan, dialect=dialect, **kernel)
    objects.append(assemble(str(source), folder / "kernel.o", dialect))
    out = folder / "firmware.elf"
    # One memory for all is one segment for all, which GNU ld remarks on for RISC-V.
    quiet = ("--no-warn-rwx-segments",) if linker == "gnu" and dialect is RV32 else ()
    result = link(linker, script, objects, out, "--orphan-handling=error", *quiet, dialect=dialect)
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    return read(out)


@pytest.mark.parametrize("unit", [UnitName.ARMV7M, UnitName.ARMV8M, UnitName.PMP])
@both_linkers
def test_every_part_lies_where_the_plan_says(linker: str, unit: UnitName, tmp_path: Path) -> None:
    system = builder.on(unit)
    plan = builder.plan(system)
    image = build(linker, tmp_path, system, plan)
    for placement in plan.placements:
        for part in placement.block.parts:
            section = image.sections[output_section(part.name)]
            assert section.address == placement.granted.base + part.offset, part.name
            assert section.size == part.size, part.name
            nobits = part.role not in (Role.TEXT, Role.RODATA, Role.DATA)
            assert section.type == ("NOBITS" if nobits else "PROGBITS"), part.name


@both_linkers
def test_symbols_span_the_bytes_asked_for(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    plan = builder.plan(system)
    symbols = build(linker, tmp_path, system, plan).symbols
    for placement in plan.placements:
        stem = f"__lp_{placement.block.symbol}"
        assert symbols[f"{stem}_start"] == placement.used.base
        assert symbols[f"{stem}_end"] == placement.used.end
        assert symbols[f"{stem}_granted_end"] == placement.granted.end
    assert symbols["__lp_shared_ring_end"] - symbols["__lp_shared_ring_start"] == 64
    assert symbols["__lp_gps_heap_end"] - symbols["__lp_gps_heap_start"] == 128


@both_linkers
def test_the_kernel_takes_the_remainder_with_its_stack_at_the_bottom(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    image = build(linker, tmp_path, system, builder.plan(system))
    symbols = image.symbols
    assert image.sections[".vector_table"].address == builder.FLASH.base
    assert (symbols["__lp_kernel_stack_start"], symbols["__lp_kernel_stack_end"]) == (0x2000_0000, 0x2000_0400)
    assert symbols["__lp_kernel_data_start"] == 0x2000_0400
    assert symbols["__lp_kernel_data_end"] - symbols["__lp_kernel_data_start"] == 16
    assert symbols["__lp_kernel_bss_end"] - symbols["__lp_kernel_bss_start"] == 48
    assert image.at(symbols["__lp_kernel_data_load"], 16) == b"\xda" * 16
    assert image.sections[".lp.kernel.stack"].type == "NOBITS"
    assert image.sections[".lp.region_table"].address in builder.FLASH
    assert image.at(image.sections[".lp.region_table"].address, 32) == b"\x7a" * 32


@both_linkers
def test_the_hash_is_eight_aligned_bytes(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    plan = builder.plan(system)
    image = build(linker, tmp_path, system, plan)
    address = image.symbols["__lp_hash"]
    assert address % 8 == 0
    assert int.from_bytes(image.at(address, 8), "little") == plan_hash(system, plan)


@both_linkers
def test_the_init_table_copies_every_load_image_and_zeroes_the_rest_of_the_block(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    plan = builder.plan(system)
    image = build(linker, tmp_path, system, plan)
    start, shared, end = (image.symbols[f"__lp_init_{name}"] for name in ("start", "shared", "end"))
    words = image.words(start, end)
    rows = [words[index : index + 4] for index in range(0, len(words), 4)]
    assert (shared - start) // 16 == 3
    ram = [placement for placement in plan.placements if placement.memory == "ram"]
    memory: dict[int, int] = {}
    for load, address, copied, zeroed in rows:
        data = image.at(load, copied) if copied else b""
        memory.update(enumerate(data + bytes(zeroed), address))
    for placement in ram:
        for part in placement.block.parts:
            base = placement.granted.base + part.offset
            if part.role is Role.STACK:
                assert not any(address in memory for address in range(base, base + part.size)), part.name
                continue
            fill = ord(part.name[0]) if part.role is Role.DATA else 0
            assert {memory[address] for address in range(base, base + part.size)} == {fill}, part.name
        padding = range(placement.used.end, placement.granted.end)
        assert all(memory[address] == 0 for address in padding)
    assert rows[-1][:2] == (0x2000_FB80, 0x2000_FB80)


@both_linkers
def test_load_images_wait_between_the_kernel_and_the_lowest_block(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    plan = builder.plan(system)
    image = build(linker, tmp_path, system, plan)
    lowest = min(placement.granted.base for placement in plan.placements if placement.memory == "flash")
    images = [load for load in image.loads if load.virtual != load.physical and load.virtual in builder.RAM]
    for load in images:
        if load.file_size and load.virtual >= image.symbols["__lp_kernel_ram_end"]:
            assert image.symbols["__lp_kernel_flash_end"] <= load.physical
            assert load.physical + load.file_size <= lowest


@both_linkers
def test_nothing_is_flashed_outside_the_memories(linker: str, tmp_path: Path) -> None:
    system = builder.system(reserves=(Reserve(memory="flash", range=AddressRange.of(0, 0x1000)),))
    image = build(linker, tmp_path, system, builder.plan(system))
    assert image.sections[".vector_table"].address == 0x1000
    for load in image.loads:
        if load.file_size:
            assert AddressRange(0x1000, builder.FLASH.end).contains(AddressRange.of(load.physical, load.file_size))


@both_linkers
def test_a_riscv_kernel_starts_with_its_boot_code_behind_what_is_reserved(linker: str, tmp_path: Path) -> None:
    reserve = Reserve(memory="flash", range=AddressRange.of(0, 0x1000))
    system = replace(builder.on(UnitName.PMP), reserves=(reserve,))
    boot = '.section .init,"ax"\n.global boot\nboot: j _start\n'
    image = build(linker, tmp_path, system, builder.plan(system), vectors=0, extra=boot)
    assert image.symbols["boot"] == 0x1000
    assert image.sections[".init"].flags == "AX"


@both_linkers
def test_a_kernel_without_data_still_links(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    image = build(linker, tmp_path, system, builder.plan(system), data=0, bss=0, uninit=0)
    assert image.symbols["__lp_kernel_data_start"] == image.symbols["__lp_kernel_data_end"] == 0x2000_0400
    assert image.symbols["__lp_kernel_ram_end"] == 0x2000_0400


@both_linkers
def test_without_isolation_the_script_has_the_same_shape(linker: str, tmp_path: Path) -> None:
    system = builder.system(isolation=frozenset())
    plan = builder.plan(system)
    image = build(linker, tmp_path, system, plan, table=0)
    assert ".lp.region_table" not in image.sections
    assert image.sections[".lp.gps.data"].address == 0x2000_FC80


@both_linkers
def test_a_component_planned_on_sizes_is_taken_in_by_its_name(linker: str, tmp_path: Path) -> None:
    mix = replace(builder.COMPONENTS[2], sections=(), sizes={Role.TEXT: 32, Role.BSS: 24})
    system = builder.system(components=(*builder.COMPONENTS[:2], mix))
    plan = builder.plan(system)
    script = tmp_path / "layout.ld"
    script.write_text(render(system, plan)["layout.ld"])
    sources = {component.name: component_source(component) for component in builder.COMPONENTS}
    sources["mix"] = sources["mix"].replace(".lp.mix.text", ".lp.mix.text.main")
    sources["kernel"] = str(kernel_source(system, plan))
    objects = [assemble(source, tmp_path / f"{name}.o") for name, source in sources.items()]
    result = link(linker, script, objects, tmp_path / "firmware.elf")
    assert result.returncode == 0, result.stderr
    image = read(tmp_path / "firmware.elf")
    assert image.sections[".lp.mix.text"].address == image.symbols["mix_main"] & ~1 == 0x0003_FFC0
    del objects[2]
    result = link(linker, script, objects, tmp_path / "without.elf")
    assert result.returncode == 0, result.stderr
