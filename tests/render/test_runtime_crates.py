"""``memory.x`` beside the real ``link.x`` of cortex-m-rt and riscv-rt, with both linkers."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from layoutplan.model.access import Machine
from layoutplan.model.component import Kernel, System
from layoutplan.model.plan import Plan
from layoutplan.render import plan_hash, render
from layoutplan.render.names import output_section
from tests.render import builder
from tests.render.image import Image, read
from tests.render.objects import ALL_ERRORS, RV32, THUMB, Dialect, assemble, component_source, link
from tests.render.test_script import both_linkers
from tests.toolchain import IN_CI, tool

CRATES = {"cortex-m-rt": "=0.7.7", "riscv-rt": "=0.16.0"}


@functools.cache
def crate(name: str, folder: Path) -> Path:
    """The folder of a crate's source, from crates.io through cargo, or from cargo's cache without a network."""
    cargo = tool("cargo", "cargo")
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "lib.rs").touch()
    wanted = "".join(f'{crate} = "{version}"\n' for crate, version in CRATES.items())
    package = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n[dependencies]\n'
    (folder / "Cargo.toml").write_text(package + wanted)
    command = [cargo, "metadata", "--format-version", "1", "--quiet"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ})
    if result.returncode != 0:
        reason = f"crates.io is not reachable: {result.stderr.strip().splitlines()[-1]}"
        pytest.fail(reason) if IN_CI else pytest.skip(reason)
    packages = {found["name"]: Path(found["manifest_path"]).parent for found in json.loads(result.stdout)["packages"]}
    return packages[name]


def cortex_m_link_x(source: Path) -> str:
    """The script as cortex-m-rt's build script installs it; it adds one limit on the number of interrupts."""
    return (source / "link.x.in").read_text()


def riscv_link_x(source: Path) -> str:
    """The script as riscv-rt's build script writes it with its default features."""
    text = (source / "link.x.in").read_text().replace("${ARCH_WIDTH}", "4")
    included = (source / "exceptions.x").read_text() + (source / "interrupts.x").read_text()
    return text.replace("${INCLUDE_LINKER_FILES}", included)


DATA = (
    '.section .data.d,"aw"\n.balign 4\nd: .fill 16, 1, 0xda\n'
    '.section .bss.b,"aw",%nobits\n.balign 4\nb: .space 48\n'
    '.section .rodata.n,"a"\n.balign 4\nn: .fill 24, 1, 0xc0\n'
)
CORTEX_M = (
    '.section .vector_table.reset_vector,"a"\n.global __RESET_VECTOR\n__RESET_VECTOR: .word Reset\n'
    '.section .vector_table.exceptions,"a"\n.global __EXCEPTIONS\n__EXCEPTIONS: .fill 14, 4, 0\n'
    '.section .vector_table.interrupts,"a"\n.global __INTERRUPTS\n__INTERRUPTS: .fill 32, 4, 0\n'
    '.section .Reset,"ax"\n.global Reset\n.thumb_func\nReset: b .\n.balign 4\n.word d, b, n\n'
    '.section .HardFaultTrampoline,"ax"\n.global HardFaultTrampoline\n.thumb_func\nHardFaultTrampoline: b .\n'
    '.section .HardFault.default,"ax"\n.global HardFault_\n.thumb_func\nHardFault_: b .\n'
    ".text\n.global DefaultHandler_, DefaultPreInit\n.thumb_func\nDefaultHandler_: b .\n.thumb_func\n"
    "DefaultPreInit: b .\n" + DATA
)
RISCV = (
    '.section .init,"ax"\n.global _start\n_start: b .\n.word d, b, n\n'
    '.section .trap.start,"ax"\n.global _default_start_trap, _default_setup_interrupts\n.balign 4\n'
    "_default_start_trap: b .\n_default_setup_interrupts: b .\n"
    '.section .text.abort,"ax"\n.global _default_abort\n.balign 4\n_default_abort: b .\n' + DATA
)


def build(
    linker: str, style: str, folder: Path, system: System, plan: Plan, *scripts: Path, table: int = 32, edited: str = ""
) -> str:
    """Link; returns what the linker said, empty when it linked without a word."""
    text = render(system, plan, link_style=style)["memory.x"]  # type: ignore[arg-type] # one of the two styles
    (folder / "memory.x").write_text(edited or text)
    dialect, source = (THUMB, CORTEX_M) if style == "cortex-m-rt" else (RV32, RISCV)
    plan_symbol = f"__lp_plan_{plan_hash(system, plan):016x}"
    if table:
        source += (
            f'.section .lp.region_table,"a"\n.balign 8\n.global {plan_symbol}\n{plan_symbol}: .fill {table}, 1, 122\n'
        )
    objects = [assemble(source, folder / "kernel.o", dialect)]
    objects += [_component(system, name, folder, dialect) for name in ("att", "gps", "mix")]
    flags = ["-L", str(folder), *(flag for script in scripts[:-1] for flag in ("-T", str(script)))]
    flags += ALL_ERRORS[linker]
    result = link(linker, scripts[-1], objects, folder / "a.elf", *flags, dialect=dialect)
    return result.stderr if result.returncode else ""


def _component(system: System, name: str, folder: Path, dialect: Dialect) -> Path:
    return assemble(component_source(system.component(name), dialect), folder / f"{name}.o", dialect)


def check_image(image: Image, system: System, plan: Plan) -> None:
    """Parts where the plan says, the kernel's stack below its data, its data loaded below the partitions' images."""
    for placement in plan.placements:
        for part in placement.block.parts:
            section = image.sections[output_section(part.name)]
            assert (section.address, section.size) == (placement.granted.base + part.offset, part.size), part.name
    symbols = image.symbols
    assert (symbols["__lp_kernel_stack_start"], symbols["__lp_kernel_stack_end"]) == (0x2000_0000, 0x2000_0400)
    assert symbols["_stack_start"] == 0x2000_0400
    assert symbols["__lp_kernel_data_start"] == symbols["__sdata"] == 0x2000_0400
    assert image.at(symbols["__lp_kernel_data_load"], 16) == b"\xda" * 16
    assert symbols["__lp_kernel_bss_end"] - symbols["__lp_kernel_bss_start"] == 48
    assert int.from_bytes(image.at(symbols["__lp_hash"], 8), "little") == plan_hash(system, plan)
    start, end = symbols["__lp_init_start"], symbols["__lp_init_end"]
    words = image.words(start, end)
    copies = {(words[i], words[i + 1], words[i + 2]) for i in range(0, len(words), 4) if words[i + 2]}
    assert {address for _, address, _ in copies} == {0x2000_FF00, 0x2000_FC80}
    for load, address, size in copies:
        name = "att" if address == 0x2000_FF00 else "gps"
        assert image.at(load, size) == name[0].encode() * size


@both_linkers
def test_cortex_m_rt(linker: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path / "link.x"
    script.write_text(cortex_m_link_x(crate("cortex-m-rt", tmp_path_factory.getbasetemp() / "crates")))
    system = builder.system()
    plan = builder.plan(system)
    assert build(linker, "cortex-m-rt", tmp_path, system, plan, script) == ""
    image = read(tmp_path / "a.elf")
    check_image(image, system, plan)
    assert image.sections[".vector_table"].address == 0
    assert image.words(0, 4) == (0x2000_0400,), "the first vector is the kernel's stack, not the end of RAM"


@both_linkers
def test_what_cortex_m_rt_alone_would_let_pass_is_refused(
    linker: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = tmp_path / "link.x"
    script.write_text(cortex_m_link_x(crate("cortex-m-rt", tmp_path_factory.getbasetemp() / "crates")))
    system = builder.system()
    plan = builder.plan(system)
    said = build(linker, "cortex-m-rt", tmp_path, system, plan, script, table=0)
    assert "layoutplan: the kernel does not include region_table.rs" in said
    grown = replace(builder.COMPONENTS[2], sections=builder.sections("mix", text=64, bss=24))
    bigger = replace(system, components=(*builder.COMPONENTS[:2], grown))
    (tmp_path / "other").mkdir()
    mix = _component(bigger, "mix", tmp_path / "other", THUMB)
    objects = [tmp_path / "kernel.o", tmp_path / "att.o", tmp_path / "gps.o", mix]
    result = link(linker, script, objects, tmp_path / "a.elf", "-L", str(tmp_path))
    assert "layoutplan: mix.text has outgrown its 32 bytes" in result.stderr


def riscv() -> System:
    """The same components on RISC-V, without isolation: what this is about is the link."""
    system = builder.system(isolation=frozenset())
    return replace(system, target=replace(system.target, machine=Machine.RISCV))


@both_linkers
def test_riscv_rt(linker: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path / "link.x"
    script.write_text(riscv_link_x(crate("riscv-rt", tmp_path_factory.getbasetemp() / "crates")))
    system = riscv()
    plan = builder.plan(system)
    # riscv-rt does not include memory.x itself: the application names both, in this order.
    assert build(linker, "riscv-rt", tmp_path, system, plan, tmp_path / "memory.x", script, table=0) == ""
    image = read(tmp_path / "a.elf")
    check_image(image, system, plan)
    assert image.symbols["_start"] == 0


ASSERTION = re.compile(r'^ASSERT\(SIZEOF\(\.lp\.init\) == 0 \|\| \((.*)\), "(layoutplan: .*)"\)$', re.MULTILINE)


@both_linkers
@pytest.mark.parametrize("style", list(CRATES))
def test_every_assertion_is_asked_when_all_sections_have_their_sizes(
    linker: str, style: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each turned into its opposite, on a good link: those that are asked fire, all in one run."""
    folder = crate(style, tmp_path_factory.getbasetemp() / "crates")
    arm = style == "cortex-m-rt"
    script = tmp_path / "link.x"
    script.write_text(cortex_m_link_x(folder) if arm else riscv_link_x(folder))
    system = builder.system() if arm else riscv()
    plan = builder.plan(system)
    text = render(system, plan, link_style=style)["memory.x"]  # type: ignore[arg-type] # one of the two styles
    messages = [message for _, message in ASSERTION.findall(text)]
    assert len(messages) > 25
    alone = "ASSERT(_stack_start == __lp_kernel_stack_end, \"layoutplan: the run-time crate's stack"
    assert text.count("ASSERT(") == len(messages) + text.count(alone) == len(messages) + 1
    text = ASSERTION.sub(r'ASSERT(SIZEOF(.lp.init) == 0 || !(\1), "\2")', text)
    text = text.replace(alone, alone.replace("==", "!="))
    scripts = (script,) if arm else (tmp_path / "memory.x", script)
    said = build(linker, style, tmp_path, system, plan, *scripts, table=32 if arm else 0, edited=text)
    silent = [message for message in [*messages, "layoutplan: the run-time crate's stack"] if message not in said]
    assert silent == []


def test_a_style_for_the_other_instruction_set_is_refused() -> None:
    system = builder.system()
    with pytest.raises(BadInput) as caught:
        render(system, builder.plan(system), link_style="riscv-rt")
    assert str(caught.value) == (
        "error[link-style]: --link-style riscv-rt is for riscv, and the target is arm\n  at layout.toml: target\n"
        "hint: say --link-style cortex-m-rt, or leave it out"
    )


def test_a_style_needs_the_kernels_stack_planned() -> None:
    system = builder.system(kernel=Kernel(stack=0))
    with pytest.raises(BadInput) as caught:
        render(system, builder.plan(system), link_style="cortex-m-rt")
    assert str(caught.value) == (
        "error[kernel-stack]: beside a run-time crate the kernel's stack has to be planned, and its size is not given\n"
        "  at layout.toml: kernel.stack\n"
        'hint: [kernel] stack = "2K"'
    )
