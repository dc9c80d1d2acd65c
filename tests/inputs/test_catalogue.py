"""The catalogue's entries are complete and sourced; those of QEMU's machines agree with the emulator itself."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from layoutplan.address import AddressRange, is_power_of_two, merge
from layoutplan.inputs import Chip, chips
from layoutplan.inputs.aliases import behind
from layoutplan.inputs.chips.catalogue import read_chip
from layoutplan.inputs.target import SLOT_COUNTS, default_type
from layoutplan.model.access import Access, Machine, UnitName
from tests.toolchain import tool

ALL = {chip.name: chip for chip in chips()}


@pytest.mark.parametrize("name", ALL)
def test_every_fact_has_a_source_and_the_entry_is_in_order(name: str) -> None:
    chip = ALL[name]
    assert chip.name == name
    facts = [chip.core, chip.unit, *chip.memory.values(), *chip.peripheral.values(), *chip.alias, *chip.erratum]
    facts += [] if chip.pmp is None else [chip.pmp, *chip.pmp.entry]
    assert all(len(fact.source) > 10 for fact in facts)
    assert chip.interrupt_source or not chip.interrupt
    assert chip.unit.slots in SLOT_COUNTS[chip.unit.name]
    assert (chip.unit.name is UnitName.PMP) == (chip.pmp is not None)
    if chip.unit.name is not UnitName.NONE:
        assert (chip.core.machine is Machine.RISCV) == (chip.unit.name is UnitName.PMP)


@pytest.mark.parametrize("name", ALL)
def test_memories_are_apart_and_typed_as_the_default_map_types_them(name: str) -> None:
    chip = ALL[name]
    ranges = [memory.range for memory in chip.memories]
    assert len(merge(ranges)) >= 1
    assert sum(r.size for r in merge(ranges)) == sum(r.size for r in ranges)
    for memory in chip.memories:
        assert memory.type is default_type(memory.range.base, chip.core.machine), memory.name
    assert any(Access.EXECUTE in memory.access for memory in chip.memories)
    assert any(Access.WRITE in memory.access for memory in chip.memories)


@pytest.mark.parametrize("name", ALL)
def test_no_memory_is_planned_at_two_of_its_addresses(name: str) -> None:
    chip = ALL[name]
    for memory in chip.memories:
        for alias in chip.aliases:
            hidden = behind(alias, memory.range)
            assert hidden is None or not any(hidden.overlaps(other.range) for other in chip.memories)


@pytest.mark.parametrize("name", ALL)
def test_peripherals_are_apart_from_memories_and_from_each_other(name: str) -> None:
    chip = ALL[name]
    everything = [memory.range for memory in chip.memories] + [p.range for p in chip.peripherals]
    assert sum(r.size for r in merge(everything)) == sum(r.size for r in everything)


@pytest.mark.parametrize("name", ALL)
def test_pmp_traits(name: str) -> None:
    pmp = ALL[name].pmp_traits
    assert is_power_of_two(pmp.grain)
    assert pmp.modes
    assert not (pmp.grain > 4 and "na4" in pmp.modes)
    assert all(entry.index < ALL[name].unit.slots for entry in pmp.fixed)


WAYS_PAST = {
    "flash",
    "nvmc",
    "extmem",
    "mmu-table",
    "xip-ctrl",
    "xip-qmi",
    "sio",
    "psm",
    "accessctrl",
    "powman",
    "spu",
    "sensitive",
}
"""Names, on whatever chip, of what erases, maps or powers memory, starts another core, or lets other masters in."""


@pytest.mark.parametrize("name", ALL)
def test_what_commands_memory_is_granted_like_a_bus_master(name: str) -> None:
    """Such as SIO of the RP chips, through whose FIFOs the bootrom of core 1 takes code to run, with no unit set up."""
    assert [p.name for p in ALL[name].peripherals if p.name in WAYS_PAST and not p.bus_master] == []


@pytest.mark.parametrize("name", ["rp2040", "rp2350-arm", "rp2350-riscv"])
def test_what_decides_where_the_bootrom_goes_is_too(name: str) -> None:
    assert next(p for p in ALL[name].peripherals if p.name == "watchdog").bus_master


def flat_view(program: str, machine: str, *options: str) -> list[tuple[AddressRange, str, str]]:
    """What the processor of a QEMU machine sees: range, kind (ram, i/o, …) and name, by the emulator's own word."""
    commands = (
        {"execute": "qmp_capabilities"},
        {"execute": "human-monitor-command", "arguments": {"command-line": "info mtree -f"}},
        {"execute": "quit"},
    )
    run = subprocess.run(
        [program, "-M", machine, "-display", "none", "-nodefaults", "-S", "-qmp", "stdio", *options],
        input="\n".join(map(json.dumps, commands)),
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    answers = [json.loads(line).get("return") for line in run.stdout.splitlines()]
    tree = next(answer for answer in answers if isinstance(answer, str))
    view = next(view for view in tree.split("FlatView #") if 'AS "cpu-memory-0"' in view)
    rows = re.findall(r"([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ([^)]*)\): (.*)", view)
    return [(AddressRange(int(low, 16), int(high, 16) + 1), kind, name.strip()) for low, high, kind, name in rows]


MACHINES = {
    "mps2-an385": ("qemu-system-arm", "qemu-system-arm", ()),
    "mps2-an386": ("qemu-system-arm", "qemu-system-arm", ()),
    "mps2-an505": ("qemu-system-arm", "qemu-system-arm", ()),
    "virt": ("qemu-system-riscv32", "qemu-system-misc", ("-bios", "none")),
}


@pytest.fixture(scope="module")
def views() -> dict[str, list[tuple[AddressRange, str, str]]]:
    return {
        name: flat_view(tool(program, package), name, *options)
        for name, (program, package, options) in MACHINES.items()
    }


def names_at(view: list[tuple[AddressRange, str, str]], whole: AddressRange) -> list[str]:
    return [name for row, _, name in view if row.overlaps(whole)]


@pytest.mark.parametrize("name", MACHINES)
def test_qemu_has_memory_where_the_catalogue_says(
    name: str, views: dict[str, list[tuple[AddressRange, str, str]]]
) -> None:
    for memory in read_chip(name).memories:
        rows = [(r, kind, n) for r, kind, n in views[name] if r.overlaps(memory.range)]
        # Behind a memory protection controller, RAM shows as i/o of that name.
        assert {kind == "ram" or n.startswith("tz-mpc") for _, kind, n in rows} == {True}
        assert any(merged.contains(memory.range) for merged in merge(r for r, _, _ in rows))


@pytest.mark.parametrize("name", MACHINES)
def test_qemu_has_a_device_where_the_catalogue_says(
    name: str, views: dict[str, list[tuple[AddressRange, str, str]]]
) -> None:
    for peripheral in read_chip(name).peripherals:
        rows = [row for row in views[name] if row[0].overlaps(peripheral.range)]
        assert rows, peripheral.name
        assert all(kind == "i/o" for _, kind, _ in rows)
        assert all(peripheral.range.contains(row) for row, _, _ in rows), peripheral.name


@pytest.mark.parametrize("name", MACHINES)
def test_what_appears_twice_in_qemu_is_an_alias(
    name: str, views: dict[str, list[tuple[AddressRange, str, str]]]
) -> None:
    chip = read_chip(name)
    for alias in chip.aliases:
        if alias.scale == 1:
            assert names_at(views[name], alias.view) == names_at(views[name], alias.target)
        else:
            assert names_at(views[name], alias.view) == ["bitband"]
    for row, kind, found in views[name]:
        # Every view of a memory's RAM is either the memory itself or an alias of it.
        mine = [m.range for m in chip.memories if found in names_at(views[name], m.range)]
        if kind == "ram" and mine:
            assert any(m.overlaps(row) for m in mine) or any(a.view.contains(row) for a in chip.aliases), hex(row.base)


def test_a_chip_with_a_missing_fact_is_unverified() -> None:
    chip = read_chip("mps2-an385")
    assert chip.verified
    assert not Chip(name="x", title="x", core=chip.core, unit=chip.unit, memory={}, lacks=["bus masters"]).verified
