"""Blocks: parts, offsets, owners, grants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Component, InputSection, Partition, Role, Share, System
from layoutplan.model.plan import Block
from layoutplan.solve import blocks_of
from layoutplan.solve.blocks import load_images
from tests.solve.systems import Want, system


def named(asked: System) -> dict[str, Block]:
    return {block.name: block for block in blocks_of(asked)}


def parts(block: Block) -> list[tuple[str, int, int]]:
    return [(part.name, part.offset, part.size) for part in block.parts]


def test_data_goes_upward_stacks_data_bss_then_linear_memory_and_heap() -> None:
    asked = system([Want(name="a", bss=10, data=5, stack=64), Want(name="b", bss=3, stack=128)])
    together = Partition(name="io", components=("b", "a"), trust=asked.partitions[0].trust, code_private=True)
    components = tuple(
        replace(component, partition="io", heap=16 if component.name == "a" else 0, linear_memory=32)
        for component in asked.components
    )
    tasks = tuple(replace(task, partition="io") for task in asked.tasks)
    data = named(replace(asked, partitions=(together,), components=components, tasks=tasks))["io.data"]
    assert parts(data) == [
        ("a.stack", 0, 64),
        ("b.stack", 64, 128),
        ("a.data", 192, 5),
        ("a.bss", 200, 10),
        ("b.bss", 216, 3),
        ("a.linear-memory", 224, 32),
        ("b.linear-memory", 256, 32),
        ("a.heap", 288, 16),
    ]
    assert [part.name for part in data.parts if part.whole] == ["a.stack", "b.stack"]
    assert data.size == 304
    assert data.granted_to == {"io": Access.RW}


def test_shared_code_holds_the_text_of_those_that_share_and_of_nobody_else() -> None:
    blocks = named(
        system(
            [
                Want(name="a", text=100, rodata=10, private=False),
                Want(name="b", text=50, rodata=7, private=True),
                Want(name="c", text=30, private=False),
            ]
        )
    )
    assert parts(blocks["shared:code"]) == [("a.text", 0, 100), ("c.text", 104, 30)]
    assert blocks["shared:code"].granted_to == {"a": Access.RX, "c": Access.RX}
    assert parts(blocks["a.rodata"]) == [("a.rodata", 0, 10)]
    assert parts(blocks["b.code"]) == [("b.text", 0, 50), ("b.rodata", 56, 7)]
    assert "b.rodata" not in blocks
    assert {name: block.symbol for name, block in blocks.items() if ":" in name} == {"shared:code": "shared_code"}


def test_separate_rodata_is_a_block_of_its_own() -> None:
    asked = system([Want(name="a", text=100, rodata=10)])
    apart = replace(asked.partitions[0], rodata_separate=True)
    blocks = named(replace(asked, partitions=(apart,)))
    assert blocks["a.rodata"].granted_to == {"a": Access.R}
    assert parts(blocks["a.code"]) == [("a.text", 0, 100)]


def test_components_that_name_different_memories_make_several_blocks() -> None:
    asked = system([Want(name="a", bss=10, memory={Kind.DATA: ("tcm", "ram")}), Want(name="b", bss=20)], tcm=1024)
    together = Partition(name="io", components=("a", "b"), trust=asked.partitions[0].trust, code_private=True)
    components = tuple(replace(component, partition="io") for component in asked.components)
    blocks = named(replace(asked, partitions=(together,), components=components))
    assert {name: block.memories for name, block in blocks.items()} == {
        "io.data.ram": ("ram",),
        "io.data.tcm-ram": ("tcm", "ram"),
    }


def test_a_share_is_whole_and_granted_as_it_says() -> None:
    ring = Share(name="ring", size=100, memory="ram", access={"b": Access.R, "a": Access.RW})
    block = named(system([Want(name="a", bss=1), Want(name="b", bss=1)], shares=[ring]))["shared:ring"]
    assert list(block.granted_to.items()) == [("a", Access.RW), ("b", Access.R)]
    assert [(part.name, part.role, part.whole) for part in block.parts] == [("shared.ring", Role.SHARE, True)]
    assert (block.kind, block.partition) == (Kind.SHARED, "shared:ring")


def test_the_runtime_is_granted_to_everyone() -> None:
    block = named(system([Want(name="a", bss=1), Want(name="b", bss=1)], runtime=300))["runtime"]
    assert block.granted_to == {"a": Access.RX, "b": Access.RX}


def test_a_part_is_as_large_as_a_linker_lays_its_sections_out() -> None:
    def section(name: str, role: Role, size: int, align: int) -> InputSection:
        return InputSection(object="a.o", name=name, role=role, size=size, align=align)

    component = Component(
        name="a",
        partition="a",
        objects=(Path("a.o"),),
        slack=9,
        sections=(
            section(".text.one", Role.TEXT, 6, 2),
            section(".data", Role.DATA, 3, 1),
            section(".text.two", Role.TEXT, 10, 16),
            section(".bss.empty", Role.BSS, 0, 64),
        ),
    )
    asked = replace(system([Want(name="a", bss=1)]), components=(component,))
    blocks = named(asked)
    assert parts(blocks["a.code"]) == [("a.text", 0, 35)]
    assert blocks["a.code"].align == 16
    assert parts(blocks["a.data"]) == [("a.data", 0, 3)]
    assert load_images(asked, blocks.values()) == 8


def test_slack_without_code_goes_to_the_data() -> None:
    asked = system([Want(name="a", data=5)])
    slack = replace(asked, components=(replace(asked.components[0], slack=11),))
    assert parts(named(slack)["a.data"]) == [("a.data", 0, 16)]


def test_stacks_are_aligned_to_sixteen_on_risc_v() -> None:
    asked = system([Want(name="a", bss=8, stack=32)], unit=UnitName.PMP)
    assert named(asked)["a.data"].align == 16


def test_blocks_are_the_same_without_isolation() -> None:
    wants = [Want(name="a", text=100, rodata=3, bss=9, private=False), Want(name="b", text=7, stack=64)]
    assert blocks_of(system(wants)) == blocks_of(system(wants, isolated=False))


def test_the_order_of_the_manifest_does_not_matter() -> None:
    wants = [Want(name=name, text=100, bss=9, data=4, stack=64, private=False) for name in "abc"]
    assert blocks_of(system(wants)) == blocks_of(system(wants[::-1]))
