"""The fields are those that linkers make: every type that is modelled, in objects of ours and of two C libraries."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from layoutplan.check.elf.image import ElfImage, parse_image
from layoutplan.check.elf.objects import ObjectFile, ObjectSection, parse_object
from layoutplan.check.elf.relocated import model_of
from layoutplan.check.image.fields import Found, Names, filled
from layoutplan.model.access import Machine
from tests.toolchain import tool

PREFIX = {Machine.ARM: "arm-none-eabi", Machine.RISCV: "riscv64-unknown-elf"}
ASSEMBLE = {Machine.ARM: ["-mcpu=cortex-m33", "-mthumb"], Machine.RISCV: ["-march=rv32imac", "-mabi=ilp32"]}
START = {Machine.ARM: ".syntax unified\n.thumb\n", Machine.RISCV: ".option norelax\n"}
LINKERS = ("gnu", "lld")
SCRIPT = """
SECTIONS
{
  .text 0x08000100 : { *(.text) }
  .text.near 0x080001e0 : { *(.text.near) }
  .text.function 0x08010000 : { *(.text.function) }
  .rodata 0x08200000 : { *(.rodata) }
  .strings 0x08210003 : { *(.strings) }
  .numbers 0x08210100 : { *(.numbers) }
  .bss 0x20000800 (NOLOAD) : { *(.bss) }
}
"""
LONGER = SCRIPT.replace("0x080001e0", "0x08000800")
REST = """
.section .rodata, "a"
table: .word variable + 12, function, near
.section .strings, "aMS", %progbits, 1
.Lone: .asciz "alpha"
.Ltwo: .asciz "beta"
.Lsame: .asciz "alpha"
.Ltail: .asciz "pha"
.section .numbers, "aM", %progbits, 4
.Lnumber: .word 0x01234567
.Lagain: .word 0x01234567
.section .text.near, "ax"
.global near
.type near, %function
FUNC
near: RETURN
.section .text.function, "ax"
.space 0x3456
.global function
.type function, %function
FUNC
function: RETURN
.space 0x123456
.global farther
.type farther, %function
FUNC
farther: RETURN
.bss
.space 0x9876
.global variable
variable: .space 4096
"""
ARM = """
movw r0, #:lower16:variable + 4
movt r0, #:upper16:variable + 4
movw r0, #:lower16:(function - .)
movt r0, #:upper16:(function - .)
bl function
b.w function
beq.w near
bl farther
b.n near
beq.n near
.balign 4

.word variable + 12, function, function + 4, variable - ., .Lsame, .Ltail, .Lagain
.word variable(target1)
.reloc ., R_ARM_PREL31, function
.word 0
.reloc ., R_ARM_ABS16, low
.hword 0x10
.reloc ., R_ARM_ABS8, low
.byte 1
.balign 4
movs r0, #:upper8_15:variable
adds r0, #:upper0_7:variable
adds r0, #:lower8_15:variable
adds r0, #:lower0_7:variable
.weak nobody
bl nobody
.word nobody
.global low
low = 0x25
"""
RISCV = """
lui a0, %hi(variable + 4)
addi a0, a0, %lo(variable + 4)
sw a0, %lo(variable + 4)(a0)
1: auipc a1, %pcrel_hi(variable + 8)
addi a1, a1, %pcrel_lo(1b)
2: auipc a2, %pcrel_hi(variable)
sw a1, %pcrel_lo(2b)(a2)
jal function
call farther
tail near
.reloc ., R_RISCV_BRANCH, near
.word 0x00b50063
.reloc ., R_RISCV_RVC_BRANCH, near
.half 0xc101
.reloc ., R_RISCV_RVC_JUMP, near
.half 0xa001
lui a3, %hi(.Lsame)
addi a3, a3, %lo(.Lsame)
.balign 4
.word variable + 12, .Lone, .Lagain
.word function - near
.half function - near
.byte near - 3f
3:
.reloc ., R_RISCV_32_PCREL, near
.word 0
.reloc ., R_RISCV_SET8, variable
.reloc ., R_RISCV_SUB8, near
.byte 0
.reloc ., R_RISCV_SET6, variable
.reloc ., R_RISCV_SUB6, near
.byte 0x80
.reloc ., R_RISCV_SET16, variable
.half 0
.reloc ., R_RISCV_SET32, variable
.reloc ., R_RISCV_SUB32, near
.word 0
.weak nobody
.word nobody
"""
PROGRAMS = {
    Machine.ARM: (ARM, {2, 3, 5, 8, 10, 30, 38, 42, *range(47, 52), 102, 103, *range(132, 136)}),
    Machine.RISCV: (RISCV, {1, 16, 17, 19, *range(23, 29), *range(33, 36), *range(37, 40), 44, 45, *range(52, 58)}),
}
LIBRARIES = {
    Machine.ARM: ("libnewlib-arm-none-eabi", "/usr/lib/arm-none-eabi/newlib/thumb/v7-m/nofp/libc.a"),
    Machine.RISCV: (
        "picolibc-riscv64-unknown-elf",
        "/usr/lib/picolibc/riscv64-unknown-elf/lib/release/rv32imac/ilp32/libc.a",
    ),
}


def rest(machine: Machine) -> str:
    arm = machine is Machine.ARM
    return REST.replace("FUNC", ".thumb_func" if arm else "").replace("RETURN", "bx lr" if arm else "ret")


def assembled(machine: Machine, source: str, folder: Path) -> ObjectFile:
    (folder / "source.s").write_text(START[machine] + source)
    assembler = tool(f"{PREFIX[machine]}-as", f"binutils-{PREFIX[machine]}")
    subprocess.run([assembler, *ASSEMBLE[machine], "source.s", "-o", "object.o"], cwd=folder, check=True)
    return parse_object((folder / "object.o").read_bytes(), "object.o")


def linked(machine: Machine, linker: str, script: str, flags: list[str], folder: Path) -> ElfImage:
    (folder / "script.ld").write_text(script)
    if linker == "gnu":
        start = [tool(f"{PREFIX[machine]}-ld", f"binutils-{PREFIX[machine]}"), "--no-warn-rwx-segments"]
        start += ["-marmelf"] if machine is Machine.ARM else ["-melf32lriscv"]
    else:
        start = [tool(("ld.lld-19", "ld.lld"), "lld-19")]
    command = [*start, "-T", "script.ld", "-e", "0", "--no-gc-sections", *flags, "-o", "image.elf"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[:2000]
    return parse_image((folder / "image.elf").read_bytes(), "image.elf")


def placed(file: ObjectFile, image: ElfImage) -> Found:
    """Each input section has an output section of its own name."""
    homes = {section.name: section for section in image.sections if section.allocated}
    found = Found(sections={section.index: section for section in file.sections})
    for section in file.sections:
        home = homes.get(section.name)
        if home is not None and section.merge:
            found.merged[section.index] = home.address, image.contents(home) or b""
        elif home is not None:
            found.addresses[section.index] = home.address
    return found


def fields(file: ObjectFile, image: ElfImage) -> Iterator[tuple[ObjectSection, int, bytes, Found]]:
    """Every section with relocations, its address and its bytes in the image."""
    found = placed(file, image)
    homes = {section.name: section for section in image.sections if section.allocated}
    for section in file.sections:
        if section.relocations and section.data and section.index in found.addresses:
            contents = image.contents(homes[section.name])
            assert contents is not None
            yield section, found.addresses[section.index], contents[: section.size], found


def compared(machine: Machine, file: ObjectFile, image: ElfImage, *, merged: bool = False) -> set[int]:
    """The types seen; fails where a field differs from the linker's, and where one off by a bit goes unnoticed."""
    names = Names(image=image, known={})
    seen: dict[int, int] = {}
    for section, address, bytes_, found in fields(file, image):
        *wrong, (made, _) = filled(machine, section, address, bytes_, found, names)
        assert not wrong, wrong
        assert made == bytes_, section.name
        for row in section.relocations:
            model = model_of(machine, row.type)
            assert model is not None
            # Of many strings one byte later may be one that is equal to the end of the one asked for.
            skipped = not model.width or (row.symbol.weak and model.branches) or (merged and row.home in found.merged)
            if skipped or seen.setdefault(row.type, 0) >= 3:
                continue
            seen[row.type] += 1
            changed = bytearray(bytes_)
            before = int.from_bytes(bytes_[row.offset : row.offset + model.width], "little")
            other = (model.put(before, 0) ^ model.put(before, 2)) & (1 << 8 * model.width) - 1
            changed[row.offset : row.offset + model.width] = (before ^ (other or 1)).to_bytes(model.width, "little")
            *_, (again, _) = filled(machine, section, address, bytes(changed), found, names)
            assert again != bytes(changed), f"type {row.type} at {row.offset} of {section.name}"
    return set(seen)


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("machine", list(PROGRAMS))
def test_the_linker_makes_the_same_field(machine: Machine, linker: str, tmp_path: Path) -> None:
    source, modelled = PROGRAMS[machine]
    if linker == "lld":  # it knows neither of the two
        source, modelled = (
            re.sub(r".reloc ., R_ARM_ABS(16|8), low\n", "", source),
            modelled - ({5, 8} if machine is Machine.ARM else set()),
        )
    file = assembled(machine, source + rest(machine), tmp_path)
    image = linked(machine, linker, SCRIPT, ["object.o"], tmp_path)
    assert compared(machine, file, image) == modelled


def test_a_type_that_is_not_modelled_is_not_passed_over(tmp_path: Path) -> None:
    file = assembled(Machine.ARM, ".word variable(GOTOFF)\n" + rest(Machine.ARM), tmp_path)
    (section,) = [section for section in file.sections if section.name == ".text"]
    names = Names(image=parse_image_of_nothing(), known={"variable": 0})
    found = Found(sections={s.index: s for s in file.sections}, addresses={s.index: 0 for s in file.sections})
    assert section.data is not None
    ((made, why),) = filled(Machine.ARM, section, 0, section.data, found, names)
    assert made is None
    assert "relocation type 24" in why


def parse_image_of_nothing() -> ElfImage:
    return ElfImage(name="", data=b"", machine=40, entry=0, sections=(), segments=(), symbols=())


ADDENDS = st.integers(-0x400, 0xFFF).map(lambda value: value * 2)
LINES = {
    Machine.ARM: [
        "movw r{r}, #:lower16:{s} + {a}",
        "movt r{r}, #:upper16:{s} + {a}",
        "bl {f}",
        "b.w {f}",
        ".balign 4\n.word {s} + {a}",
        ".balign 4\n.word {s} + {a} - .",
    ],
    Machine.RISCV: [
        "lui a{r}, %hi({s} + {a})\naddi a{r}, a{r}, %lo({s} + {a})\nlw a{r}, %lo({s} + {a})(a{r})",
        "lui a{r}, %hi({s} + {a})\nsw a{r}, %lo({s} + {a})(a{r})",
        "9: auipc a{r}, %pcrel_hi({s} + {a})\nlw a{r}, %pcrel_lo(9b)(a{r})",
        "call {f}",
        "jal function",
        ".balign 4\n.word {s} + {a}",
        ".balign 4\n.word {f} - near",
    ],
}


@pytest.mark.parametrize("machine", list(PROGRAMS))
def test_any_program_is_linked_as_modelled(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> None:
    line = st.builds(
        lambda text, r, s, a, f: text.format(r=r, s=s, a=a, f=f),
        st.sampled_from(LINES[machine]),
        st.integers(0, 7),
        st.sampled_from(["variable", "table", "function", ".Ltwo"]),
        ADDENDS,
        st.sampled_from(["function", "farther", "near"]),
    )

    @settings(deadline=None, derandomize=True, max_examples=5, phases=(Phase.generate,))
    @given(st.lists(line, min_size=20, max_size=60))
    def law(lines: list[str]) -> None:
        folder = tmp_path_factory.mktemp("program")
        # Addends past the end of a merged string mean nothing.
        lines = [one.replace(".Ltwo", "variable") if "+" in one else one for one in lines]
        source = "\n".join(lines).replace("+ -", "- ") + "\n"
        file = assembled(machine, source + rest(machine), folder)
        for linker in LINKERS:
            compared(machine, file, linked(machine, linker, LONGER, ["object.o"], folder))

    law()


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("machine", list(LIBRARIES))
def test_a_library_is_linked_as_modelled(machine: Machine, linker: str, tmp_path: Path) -> None:
    """Members that nobody here wrote, each section named after its member, so that it is found again."""
    package, archive = LIBRARIES[machine]
    prefix, binutils = PREFIX[machine], f"binutils-{PREFIX[machine]}"
    if not Path(archive).exists():
        tool(archive, package)
    listed = subprocess.run([tool(f"{prefix}-ar", binutils), "t", archive], capture_output=True, text=True, check=True)
    members = sorted({m for m in listed.stdout.split() if not m.startswith(("lib_a-iconv", "libc_iconv"))})[::9]
    subprocess.run([tool(f"{prefix}-ar", binutils), "x", archive, *members], cwd=tmp_path, check=True)
    files = {}
    defined, wanted = set(), set()
    for number, member in enumerate(members):
        renamed = f"m{number}.o"
        command = [tool(f"{prefix}-objcopy", binutils), f"--prefix-alloc-sections=.m{number}", "--strip-debug"]
        subprocess.run([*command, "-R", ".eh_frame", member, renamed], cwd=tmp_path, check=True)
        file = parse_object((tmp_path / renamed).read_bytes(), member)
        if any(model_of(machine, row.type) is None for section in file.sections for row in section.relocations):
            continue  # thread-local storage, which the final script has no place for
        files[renamed] = file
        defined |= {symbol.name for symbol in file.defined}
        rows = [row for section in file.sections for row in section.relocations]
        wanted |= {row.symbol.name for row in rows if not row.home and not row.absolute}
    script = "SECTIONS { . = 0x08000000; }\n" + "".join(
        f"{name} = 0x080{at:05x};\n" for at, name in enumerate(sorted(wanted - defined - {""}))
    )
    image = linked(machine, linker, script, ["-zmuldefs", "--no-relax", *files], tmp_path)
    seen = set()
    for file in files.values():
        seen |= compared(machine, file, image, merged=True)
    assert seen >= ({2, 10} if machine is Machine.ARM else {1, 16, 18, 26, 27, 44, 45})
