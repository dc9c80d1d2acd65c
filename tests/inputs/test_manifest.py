"""What a manifest means: defaults, sizes, memories, tasks, grants."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.inputs import manifest_schema, read_manifest
from layoutplan.inputs.manifest import read_manifest_bytes
from layoutplan.model.access import Access, Isolation, Kind, Trust, UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.memory import MemoryType

SMALLEST = """
manifest-version = 1
[target]
chip = "mps2-an385"
[component.mix]
sizes = { code = "4K", rodata = 256, data = 128, bss = "1K" }
"""


def system_of(text: str, path: Path = Path("layout.toml")) -> System:
    return read_manifest_bytes(text.encode(), path, {}).system


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        system_of(text)
    return str(caught.value)


def test_defaults_are_those_of_the_contract() -> None:
    system = system_of(SMALLEST)
    component, partition = system.component("mix"), system.partition("mix")
    assert system.isolation == frozenset()
    assert system.unit is UnitName.NONE
    assert system.target.unit is UnitName.ARMV7M
    assert component.partition == "mix"
    assert component.trust is Trust.VERIFIED
    assert component.sizes == {Role.TEXT: 4096, Role.RODATA: 256, Role.DATA: 128, Role.BSS: 1024}
    assert component.memory == {Kind.CODE: ("flash",), Kind.RODATA: ("flash",), Kind.DATA: ("ram",)}
    assert not partition.code_private
    assert not partition.rodata_separate
    assert partition.split
    assert partition.slots is None
    assert system.kernel.stack == 2048
    assert (system.kernel.code_memory, system.kernel.data_memory) == ("flash", "ram")
    assert system.kernel.background
    assert system.kernel.peripherals == ()
    assert not system.smepmp
    assert system.move_waste == 0.01
    assert system.weights == {}
    assert system.tasks == ()


def test_isolation_words() -> None:
    both = SMALLEST.replace("manifest-version = 1", 'manifest-version = 1\nisolation = ["pmp", "mpu"]')
    assert system_of(both).isolation == {Isolation.MPU}
    assert system_of(both).unit is UnitName.ARMV7M


@pytest.mark.parametrize(
    ("written", "size"), [("512", 512), ('"512"', 512), ('"1K"', 1024), ('"2M"', 2 << 20), ("0", 0), ("0x100", 256)]
)
def test_sizes(written: str, size: int) -> None:
    assert system_of(SMALLEST + f"heap = {written}").component("mix").heap == size


@pytest.mark.parametrize(
    ("asked", "chip", "planned"),
    # Arm: 8 words and up to 8 bytes of alignment on exception entry; 26 words with the FP registers.
    [(1000, "mps2-an385", 1040), (1001, "mps2-an385", 1048), (1000, "mps2-an386", 1112)],
)
def test_a_stack_has_room_for_the_exception_frame(asked: int, chip: str, planned: int) -> None:
    text = SMALLEST.replace("mps2-an385", chip) + f'entry = "main"\nstack = {asked}'
    (task,) = system_of(text).tasks
    assert (task.name, task.component, task.partition, task.entry, task.stack) == ("mix", "mix", "mix", "main", planned)


def test_more_tasks_of_one_component_are_sorted_by_name() -> None:
    text = SMALLEST + 'entry = "main"\nstack = 8\n[task.alarm]\ncomponent = "mix"\nentry = "alarm"\nstack = 8'
    assert [task.name for task in system_of(text).tasks] == ["alarm", "mix"]


def test_entries_of_further_tasks_stay_global_when_the_component_is_sealed() -> None:
    text = SMALLEST + 'entry = "main"\nstack = 8\nexports = ["poll"]\n'
    text += (
        '[task.b]\ncomponent = "mix"\nentry = "rx"\nstack = 8\n[task.a]\ncomponent = "mix"\nentry = "alarm"\nstack = 8'
    )
    assert system_of(text).component("mix").exports == ("poll", "alarm", "rx")


def test_components_may_take_their_members_of_one_archive(tmp_path: Path) -> None:
    (tmp_path / "libc.a").write_bytes(b"!<arch>\n")
    text = SMALLEST.split("[component")[0]
    for name in ("one", "two"):
        text += f'[component.{name}]\nobjects = ["libc.a"]\nexports = ["f_{name}"]\n'
    assert len(system_of(text, tmp_path / "layout.toml").components) == 2


def test_an_untrusted_partition_has_private_code_and_a_verified_one_can() -> None:
    text = SMALLEST.replace("manifest-version = 1", 'manifest-version = 1\nisolation = "mpu"') + (
        '[component.uart]\nsizes = { code = 4 }\ntrust = "untrusted"\n'
        '[component.own]\nsizes = { code = 4 }\n[partition.own]\ncode = "private"\nrodata = "separate"\nsplit = false'
    )
    system = system_of(text)
    assert [(p.name, p.code_private) for p in system.partitions] == [("mix", False), ("own", True), ("uart", True)]
    assert system.partition("own").rodata_separate
    assert not system.partition("own").split


def test_a_partition_says_otherwise_than_the_defaults() -> None:
    text = SMALLEST + '[defaults]\ncode = "private"\nrodata = "separate"\n[partition.mix]\ncode = "shared"'
    partition = system_of(text).partition("mix")
    assert not partition.code_private
    assert partition.rodata_separate


def test_memories_in_order_of_preference() -> None:
    text = SMALLEST + 'memory = { data = ["psram", "ram"] }'
    assert system_of(text).component("mix").memory[Kind.DATA] == ("psram", "ram")


def test_constants_follow_the_code() -> None:
    text = SMALLEST + 'memory = { code = "fast" }\n[memory.fast]\norigin = 0x0100_0000\nlength = "16K"\naccess = "rx"'
    assert system_of(text).component("mix").memory[Kind.RODATA] == ("fast",)


def test_the_only_memory_with_the_access_serves_when_no_name_is_usual() -> None:
    text = """
manifest-version = 1
target = { unit = "armv7m", slots = 16 }
memory.rom = { origin = 0x0800_0000, length = "1M", access = "rx" }
memory.sram = { origin = 0x2000_0000, length = "128K", access = "rw" }
[component.mix]
sizes = { code = 4 }
"""
    system = system_of(text)
    assert (system.kernel.code_memory, system.kernel.data_memory) == ("rom", "sram")
    assert system.target.slots == 16
    assert not system.target.verified
    assert system.target.memory("sram").range == AddressRange(0x2000_0000, 0x2002_0000)
    assert system.target.memory("rom").type is MemoryType.NORMAL_WRITE_THROUGH


def test_what_is_laid_over_a_chip_keeps_the_rest_of_it() -> None:
    system = system_of(SMALLEST + '[memory.ram]\nlength = "64K"')
    assert system.target.memory("ram").range == AddressRange(0x2000_0000, 0x2001_0000)
    assert system.target.memory("ram").access is Access.RW


@pytest.mark.parametrize(
    ("over", "verified"),
    [
        ("", True),
        ('[memory.ram]\nlength = "64K"', True),
        ('[memory.flash]\norigin = 0x0080_0000\nlength = "1M"', False),
        ('[memory.ram]\naccess = "rwx"', False),
        ('[memory.new]\norigin = 0x6000_0000\nlength = "1M"\naccess = "rw"', False),
    ],
)
def test_what_goes_beyond_the_catalogues_facts_is_not_verified(over: str, verified: bool) -> None:
    assert system_of(SMALLEST + over).target.verified is verified


@pytest.mark.parametrize(("slots", "verified"), [(8, True), (16, False)])
def test_a_slot_count_is_verified_where_it_is_the_chips(slots: int, verified: bool) -> None:
    text = SMALLEST.replace('chip = "mps2-an385"', f'chip = "mps2-an385"\nslots = {slots}')
    assert system_of(text).target.verified is verified


def test_a_chips_peripheral_and_interrupt_by_name() -> None:
    text = SMALLEST + 'entry = "m"\nstack = 64\nperipherals = ["uart1"]\ninterrupts = ["UART1_RX", 20]'
    system = system_of(text)
    assert system.component("mix").interrupts == (2, 20)
    assert [(p.name, p.range) for p in system.peripherals] == [("uart1", AddressRange(0x4000_5000, 0x4000_6000))]


def test_a_described_peripheral_that_overlaps_a_bus_master_is_one() -> None:
    text = SMALLEST.replace("mps2-an385", "mps2-an505") + "[peripheral.mine]\nbase = 0x5011_0000\nsize = 0x100"
    with pytest.raises(BadInput) as caught:
        system_of(text + "\nbus-master = false")
    assert "`mine` is a way to memory past the regions according to the chip catalogue" in str(caught.value)


@pytest.mark.parametrize(
    ("chip", "base", "size"),
    [("stm32l552", "0x5002_0000", "0x400"), ("stm32f407", "0x424c_0000", "0x8000")],
    ids=["secure-view", "bit-band"],
)
def test_a_second_view_of_a_bus_master_is_one(chip: str, base: str, size: str) -> None:
    """The same registers of dma1, at an address that the catalogue has only as an alias."""
    text = SMALLEST.replace("mps2-an385", chip) + f"[peripheral.mine]\nbase = {base}\nsize = {size}"
    assert [p.bus_master for p in system_of(text).peripherals] == [True]


def test_shares_reserves_budget_and_weights() -> None:
    text = (
        SMALLEST
        + """
[shared.ring]
size = "1K"
access = { mix = "r" }
[[reserve]]
memory = "ram"
base = 0x2000_F000
size = "4K"
[objective]
weights = { ram = 4 }
move-waste = "2.5%"
[budget]
max-padding = "5%"
ram = "90%"
"""
    )
    system = system_of(text)
    assert [(s.name, s.size, s.memory, s.access) for s in system.shares] == [("ring", 1024, "ram", {"mix": Access.R})]
    assert [(r.memory, r.range) for r in system.reserves] == [("ram", AddressRange(0x2000_F000, 0x2001_0000))]
    assert system.weights == {"flash": 1.0, "psram": 1.0, "ram": 4.0}
    assert system.move_waste == 0.025
    assert system.budget.max_padding == 0.05
    assert system.budget.memories == {"ram": 0.9}


def test_paths_are_relative_to_the_manifest_and_take_variables(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    for name in ("a.o", "b.o"):
        (tmp_path / "build" / name).write_bytes(b"")
    text = SMALLEST.split("sizes")[0] + 'objects = ["build/a.o", "${OUT}/b.o"]\n'
    path = tmp_path / "layout.toml"
    path.write_text(text)
    read = read_manifest(path, {"OUT": str(tmp_path / "build"), "OTHER": "1"})
    assert read.system.component("mix").objects == (tmp_path / "build/a.o", tmp_path / "build/b.o")
    assert read.environ == {"OUT": str(tmp_path / "build")}
    assert read.files == (path,)


def test_all_faults_of_a_step_are_told_at_once() -> None:
    text = """
manifest-version = 3
[component.a]
stack = "x"
trsut = 1
[component.b]
heap = -1
"""
    message = refused(text)
    for part in ("manifest-version", "`component.a.stack`", "`trsut`", "`component.b.heap`"):
        assert part in message
    again = refused(SMALLEST + 'partition = "kernel"\ninterrupts = [500]\nperipherals = ["nothing"]')
    for code in ("reserved-name", "unknown-interrupt", "unknown-peripheral", "no-task"):
        assert f"error[{code}]" in again


def test_a_missing_manifest_is_a_fault_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_manifest(tmp_path / "layout.toml", {})
    assert str(caught.value) == (
        "error[no-manifest]: cannot read: No such file or directory\n"
        f"  at {tmp_path}/layout.toml\nhint: `layoutplan init` writes a first one"
    )


def test_the_system_crosses_to_another_process_with_its_locations() -> None:
    system = system_of(SMALLEST)
    again = pickle.loads(pickle.dumps(system))
    assert again == system
    assert again.location("component.mix.sizes") == "layout.toml:6: component.mix.sizes"


def test_order_in_the_manifest_does_not_show() -> None:
    one = "[component.a]\nsizes = { code = 4 }\n"
    two = "[component.b]\nsizes = { code = 8 }\n"
    head = 'manifest-version = 1\n[target]\nchip = "mps2-an385"\n'
    left, right = system_of(head + one + two), system_of(head + two + one)
    for name in System.__dataclass_fields__:
        if name != "where":
            assert getattr(left, name) == getattr(right, name)


def _objects(schema: object) -> list[dict[str, Any]]:
    if isinstance(schema, dict):
        return [schema, *(found for value in schema.values() for found in _objects(value))]
    return [found for value in schema for found in _objects(value)] if isinstance(schema, list) else []


def test_the_schema_is_a_valid_one_and_closed() -> None:
    jsonschema_rs.meta.validate(manifest_schema())
    tables = [node for node in _objects(manifest_schema()) if node.get("type") == "object"]
    assert tables
    for node in tables:
        assert node["additionalProperties"] is False or "propertyNames" in node


RISCV = SMALLEST.replace("mps2-an385", "virt")


def test_riscv_stacks_have_no_frame_and_are_rounded_to_16() -> None:
    (task,) = system_of(RISCV + 'entry = "main"\nstack = 1001').tasks
    assert task.stack == 1008


def test_a_grain_takes_na4_away() -> None:
    pmp = system_of(RISCV.replace('"virt"', '"virt"\npmp = { grain = 32 }')).target.pmp
    assert pmp.grain == 32
    assert pmp.modes == frozenset({"napot", "tor"})


def test_smepmp_is_used_where_the_manifest_asks_for_it() -> None:
    """What a chip has is no reason to use it; using what the catalogue lists leaves the chip verified."""
    isolated = RISCV.replace("version = 1", 'version = 1\nisolation = "pmp"')
    asked = isolated.replace('"virt"', '"virt"\npmp = { smepmp = true }')
    assert not system_of(isolated).smepmp
    assert system_of(asked).smepmp
    assert system_of(asked).target.verified
    assert not system_of(RISCV.replace('"virt"', '"virt"\npmp = { smepmp = true }')).smepmp


def test_the_kernels_devices_come_from_the_chip_or_the_manifest() -> None:
    text = RISCV + '[kernel]\nperipherals = ["clint", "own"]\n[peripheral.own]\nbase = 0x3000_0000\nsize = 64\n'
    system = system_of(text)
    assert system.kernel.peripherals == ("clint", "own")
    assert {peripheral.name for peripheral in system.peripherals} == {"clint", "own"}


def test_entries_that_are_there_before_us_and_a_locked_one_is_as_good_as_wired() -> None:
    pmp = "pmp = { preset = [{ index = 1, address = 5, config = 0x1f }, { index = 2, address = 6, config = 0x9f }] }"
    fixed = system_of(RISCV.replace('"virt"', f'"virt"\n{pmp}')).target.pmp.fixed
    assert [(entry.index, entry.hardwired) for entry in fixed] == [(1, False), (2, True)]


def test_the_chips_own_entries_stay_unless_the_manifest_lists_that_kind() -> None:
    chip = RISCV.replace("virt", "rp2350-riscv")
    assert [entry.index for entry in system_of(chip).target.pmp.fixed] == [8, 9, 10, 11, 12, 13, 14, 15]
    assert system_of(chip).target.pmp.swapped_rx
    none = chip.replace('"rp2350-riscv"', '"rp2350-riscv"\npmp = { hardwired = [] }')
    assert system_of(none).target.pmp.fixed == ()
    assert not system_of(none).target.verified


def test_the_schema_tells_the_defaults() -> None:
    tables = manifest_schema()["$defs"]
    assert tables["KernelTable"]["properties"]["stack"]["default"] == "2K"
    assert tables["PartitionTable"]["properties"]["split"]["default"] is True
    assert "default" not in tables["ComponentTable"]["properties"]["entry"]
