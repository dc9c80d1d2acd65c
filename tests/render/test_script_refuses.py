"""What the script says no to: each assertion fires, and no address or size in it can be edited."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.model.access import UnitName
from layoutplan.model.component import Component, Kernel
from layoutplan.render import render
from tests.render import builder
from tests.render.objects import ALL_ERRORS, LINKERS, RV32, assemble, component_source, kernel_source, link
from tests.render.test_script import both_linkers

NUMBER = re.compile(r"0x[0-9a-f]{8}\b")


def complaint(
    linker: str,
    folder: Path,
    *,
    edit: tuple[str, str] = ("", ""),
    components: tuple[Component, ...] = builder.COMPONENTS,
    stack: int = 1024,
    other_plan: bool = False,
    **kernel: object,
) -> str:
    """Link the builder's plan with one thing wrong, and return what the linker says."""
    system = builder.system(kernel=Kernel(stack=stack))
    plan = builder.plan(system)
    text = render(system, plan)["layout.ld"]
    assert edit[0] in text
    script = folder / "layout.ld"
    script.write_text(text.replace(*edit))
    objects = [assemble(component_source(component), folder / f"{component.name}.o") for component in components]
    source = kernel_source(system, plan, **kernel)
    if other_plan:
        source = replace(source, plan_symbols=("__lp_plan_0123456789abcdef",))
    objects.append(assemble(str(source), folder / "kernel.o"))
    result = link(linker, script, objects, folder / "firmware.elf")
    assert result.returncode != 0
    return result.stderr


ATT, GPS, MIX = builder.COMPONENTS
GROWN = replace(MIX, sections=builder.sections("mix", text=36, bss=24))
STRANGER = Component(name="new", partition="new", entry="new_main", sections=builder.sections("new", text=8))


@both_linkers
def test_a_component_that_has_grown(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, components=(ATT, GPS, GROWN))
    assert "layoutplan: mix.text has outgrown its 32 bytes; solve again or give it slack" in said


@both_linkers
@pytest.mark.parametrize(("part", "size"), [("text", 32), ("bss", 24)])
def test_a_component_of_which_a_piece_is_missing(linker: str, part: str, size: int, tmp_path: Path) -> None:
    shrunk = replace(MIX, sections=builder.sections("mix", **{"text": 32, "bss": 24, part: size - 4}))
    said = complaint(linker, tmp_path, components=(ATT, GPS, shrunk))
    assert f"layoutplan: mix.{part} is short of its {size} bytes: where are they linked?" in said


@both_linkers
def test_a_component_that_is_not_linked(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, components=(ATT, GPS))
    assert "layoutplan: mix.text is empty: is the sealed object of this component linked?" in said


@both_linkers
def test_a_component_that_was_not_planned(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, components=(ATT, GPS, MIX, STRANGER))
    assert "layoutplan: a section .lp.* was not planned: solve again with the objects that are linked" in said


@both_linkers
@pytest.mark.parametrize("section", ['.init_array,"aw",%init_array', '.ctors,"aw"', '.fini_array,"aw",%fini_array'])
def test_a_kernel_with_constructors(linker: str, section: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, extra=f".section {section}\n.word Reset\n")
    assert "layoutplan: the kernel has constructors (.init_array, .ctors, .fini_array), and nothing runs them" in said


@both_linkers
def test_a_kernel_too_large_for_what_partitions_leave_of_flash(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, text=0x3_FDC0)
    assert "layoutplan: the kernel's code and constants reach the partitions' at 0x0003fe58" in said


@both_linkers
def test_a_kernel_too_large_for_what_partitions_leave_of_ram(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, bss=0xF790)
    assert "layoutplan: the kernel's data reaches the partitions' at 0x2000fb80" in said


@both_linkers
def test_a_kernel_without_the_table(linker: str, tmp_path: Path) -> None:
    assert "layoutplan: the kernel does not include region_table.rs" in complaint(linker, tmp_path, table=0)


@both_linkers
def test_a_table_of_another_plan(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, other_plan=True)
    assert "layoutplan: region_table.rs is of another plan than this script" in said


@both_linkers
def test_memory_that_the_script_has_no_place_for(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, extra='.section .fancy,"awR"\n.word 1\n')
    assert "layoutplan: a section that takes memory has no place in this script" in said


@both_linkers
def test_an_image_that_wants_a_dynamic_linker(linker: str, tmp_path: Path) -> None:
    said = complaint(linker, tmp_path, extra='.section .got,"awR"\n.word 1\n')
    assert "layoutplan: the image needs a dynamic linker: compile with relocation-model=static" in said


@both_linkers
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("LENGTH = 0x00040000", "LENGTH = 0x00050000"), "memory flash was planned as 0x00040000 bytes at 0x00000000"),
        (("__lp_hash = .;", "BYTE(0) __lp_hash = .;"), "__lp_hash must be readable as one doubleword"),
        (
            ("__lp_kernel_stack_end = 0x20000400", "__lp_kernel_stack_end = 0x20000800"),
            "the kernel's stack was planned as 1024 bytes at 0x20000000",
        ),
        (("{ . += 0x00000400; }", "{ . += 0x00000200; }"), "the kernel's stack must be the first thing in ram"),
        (
            ("  .data : ALIGN(4)", "  .data 0x20000100 : ALIGN(4)"),
            "the kernel's data must lie above its stack",
        ),
        (
            (".lp.gps.text 0x0003fe80 : AT(0x0003fe80)", ".lp.gps.text 0x0003fe84 : AT(0x0003fe84)"),
            "gps.text was planned at 0x0003fe80",
        ),
        (("AT(0x0003fe70)", "AT(0x0003fe78)"), "gps.data was planned to be loaded from 0x0003fe70"),
        (("__lp_att_data_end = 0x2000ff3c", "__lp_att_data_end = 0x2000ff7c"), "att.data was planned at 0x2000fe00"),
        (("{\n    . += 0x00000060;", "{\n    . += 0x00000040;"), "mix.stack was planned as 96 bytes"),
        (
            ("__lp_gps_heap_end = 0x2000fd18", "__lp_gps_heap_end = 0x2000fd28"),
            "the symbols of gps.heap do not enclose",
        ),
        ((".vector_table 0x00000000", ".vector_table 0x00000100"), "the kernel was planned from 0x00000000 in flash"),
    ],
)
def test_an_edited_script(linker: str, edit: tuple[str, str], said: str, tmp_path: Path) -> None:
    assert f"layoutplan: {said}" in complaint(linker, tmp_path, edit=edit)


def test_every_assertion_of_the_script_is_shown_to_fire() -> None:
    """Each kind of message, names and numbers aside, is expected by a test above."""
    system = builder.system()
    script = render(system, builder.plan(system))["layout.ld"]
    messages = re.findall(r'^ASSERT\(.*, "layoutplan: (.*)"\)$', script, re.MULTILINE)
    assert len(messages) == script.count("ASSERT(")
    constants = (
        node.value for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Constant)
    )
    kinds = {_kind(text.removeprefix("layoutplan: ")) for text in constants if isinstance(text, str) and len(text) > 15}
    for message in messages:
        assert any(_kind(message).startswith(known) for known in kinds), message


@pytest.mark.parametrize("linker", ["gnu", "lld"])
def test_every_assertion_is_asked_on_riscv_too(linker: str, tmp_path: Path) -> None:
    """Each turned into its opposite, on a good link: those that are asked fire, all in one run."""
    system = builder.on(UnitName.PMP)
    plan = builder.plan(system)
    text = render(system, plan)["layout.ld"]
    assertion = re.compile(r'^ASSERT\((.*), "(layoutplan: .*)"\)$', re.MULTILINE)
    messages = [message for _, message in assertion.findall(text)]
    assert len(messages) == text.count("ASSERT(") > 30
    script = tmp_path / "layout.ld"
    objects = [assemble(component_source(c, RV32), tmp_path / f"{c.name}.o", RV32) for c in system.components]
    source = kernel_source(system, plan, dialect=RV32, vectors=0)
    objects.append(assemble(str(source), tmp_path / "kernel.o", RV32))
    script.write_text(text)
    good = link(linker, script, objects, tmp_path / "firmware.elf", dialect=RV32)
    assert good.returncode == 0, good.stderr
    script.write_text(assertion.sub(r'ASSERT(!(\1), "\2")', text))
    said = link(linker, script, objects, tmp_path / "firmware.elf", *ALL_ERRORS[linker], dialect=RV32).stderr
    assert [message for message in messages if message not in said] == []


def _kind(message: str) -> str:
    return re.sub(r"0x[0-9a-f]+|\d+|\b(att|gps|mix|shared|flash|ram)\b[.:]?\w*", "*", message)


@pytest.mark.parametrize("linker", LINKERS)
def test_no_number_of_the_script_can_change_alone(linker: str, tmp_path: Path) -> None:
    """The last digit that keeps the number a multiple of eight, so that alignment does not do the work."""
    system = builder.system()
    plan = builder.plan(system)
    text = render(system, plan)["layout.ld"]
    script = tmp_path / "layout.ld"
    objects = [
        assemble(component_source(component), tmp_path / f"{component.name}.o") for component in builder.COMPONENTS
    ]
    objects.append(assemble(str(kernel_source(system, plan)), tmp_path / "kernel.o"))
    survivors = []
    tried = 0
    at = 0
    for line in text.splitlines(keepends=True):
        code = "" if line.startswith("ASSERT") or line.lstrip().startswith("/*") else line
        for match in NUMBER.finditer(code):
            index = at + match.end() - 2
            digit = f"{(int(text[index], 16) + 1) % 16:x}"
            script.write_text(text[:index] + digit + text[index + 1 :])
            tried += 1
            if link(linker, script, objects, tmp_path / "firmware.elf").returncode == 0:
                survivors.append(line.strip())
        at += len(line)
    assert tried > 50
    assert survivors == []
