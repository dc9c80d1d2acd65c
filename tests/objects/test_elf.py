"""Objects as they come are read; a broken one gets one clear message with the file's name."""

from __future__ import annotations

import pytest

from layoutplan.errors import BadInput
from layoutplan.model.access import Machine
from layoutplan.objects import SectionFlag, read_elf, read_object, refusals
from layoutplan.objects.bounded import MAX_FILE
from tests.objects.builder import (
    ALLOC,
    COMMON,
    EM_RISCV,
    EXEC,
    GROUP,
    INIT_ARRAY,
    NOBITS,
    SHENTSIZE,
    SHNUM,
    SHOFF,
    SHSTRNDX,
    SYMTAB,
    TLS,
    WRITE,
    Obj,
    Sec,
    Sym,
    arm_attributes,
    header_of,
    patched,
    simple,
)


def test_a_simple_object() -> None:
    found = read_object(simple().build(), "a.o")
    assert found.machine is Machine.ARM
    assert [(s.name, s.size, s.align) for s in found.allocated] == [
        (".text", 10, 2),
        (".rodata", 5, 1),
        (".data", 12, 4),
        (".bss", 64, 8),
    ]
    assert found.defined == {"main"}
    assert found.undefined == {"memcpy"}
    assert found.attributes.architecture is None
    assert SectionFlag.EXECINSTR in found.allocated[0].flags
    assert refusals(found) == []


def test_dissolved_objects_have_an_entry_of_one_and_tables_without_names() -> None:
    found = read_object(simple(entry=1, table_names=False).build(), "a.o")
    assert found.defined == {"main"}
    assert found.elf.section(".symtab") is None


def test_riscv_objects() -> None:
    assert read_object(simple(machine=EM_RISCV, flags=1).build(), "a.o").machine is Machine.RISCV


def test_names_with_at_signs_and_hashes() -> None:
    name = "gust:mpu/iso@0.1.0#try-add-region"
    assert read_object(Obj(symbols=[Sym(name=name)]).build(), "a.o").undefined == {name}


def test_an_object_of_nothing() -> None:
    assert read_object(Obj().build(), "a.o").allocated == ()
    assert read_object(patched(Obj().build(), SHOFF, "I", 0), "a.o").elf.sections == ()


def test_attributes_name_the_architecture() -> None:
    found = read_object(simple(sections=[arm_attributes(13)], symbols=[]).build(), "a.o")
    assert found.attributes.cpu_arch == 13
    assert found.attributes.architecture == "v7E-M"


def test_more_sections_than_a_half_word_counts() -> None:
    # gABI: e_shnum is 0 and e_shstrndx is SHN_XINDEX, and section 0 holds both.
    data = simple().build()
    count = int.from_bytes(data[SHNUM : SHNUM + 2], "little")
    data = patched(patched(data, SHNUM, "H", 0), SHSTRNDX, "H", 0xFFFF)
    data = patched(data, header_of(data, 0) + 20, "I", count)
    data = patched(data, header_of(data, 0) + 24, "I", count - 1)
    assert [s.name for s in read_object(data, "a.o").allocated] == [".text", ".rodata", ".data", ".bss"]


def test_common_symbols_and_groups() -> None:
    made = simple(
        sections=[
            Sec(name=".text.f", flags=ALLOC | EXEC, data=bytes(4)),
            Sec(name=".group", type=GROUP, flags=0, data=bytes([1, 0, 0, 0, 1, 0, 0, 0]), link=3, info=1),
        ],
        symbols=[Sym(name="f", section=1), Sym(name="buffer", section=COMMON, value=16, size=100)],
    )
    found = read_object(made.build(), "a.o")
    assert found.groups == {1: "f"}
    assert [(symbol.name, symbol.value, symbol.size) for symbol in found.commons] == [("buffer", 16, 100)]


GOOD = simple().build()
TEXT, DATA_SECTION, SYMBOLS = header_of(GOOD, 1), header_of(GOOD, 3), header_of(GOOD, 6)
HEADERS = header_of(GOOD, 0)
BROKEN = "\n  at a.o\nhint: build the file again: it is damaged, or not finished"

FAULTS = {
    "empty": (
        b"",
        "error[not-elf]: the file is not an ELF file\n  at a.o\nhint: name an ELF32 object file or image",
    ),
    "short": (
        GOOD[:20],
        f"error[broken-object]: ELF header: 52 bytes at 0x0 are not inside the file of 20 bytes{BROKEN}",
    ),
    "64-bit": (
        patched(GOOD, 4, "B", 2),
        "error[wrong-elf]: a 64-bit little-endian ELF file, and only 32-bit little-endian ones can be used\n"
        "  at a.o\nhint: compile it for a 32-bit little-endian Arm or RISC-V core",
    ),
    "big-endian": (
        patched(GOOD, 5, "B", 2),
        "error[wrong-elf]: a 32-bit big-endian ELF file, and only 32-bit little-endian ones can be used\n"
        "  at a.o\nhint: compile it for a 32-bit little-endian Arm or RISC-V core",
    ),
    "x86": (
        patched(GOOD, 18, "H", 3),
        "error[wrong-machine]: machine 3 is neither Arm (40) nor RISC-V (243)\n"
        "  at a.o\nhint: compile it for a 32-bit little-endian Arm or RISC-V core",
    ),
    "executable": (
        patched(GOOD, 16, "H", 2),
        "error[wrong-elf]: an executable where a relocatable object is needed\n  at a.o\nhint: link with `ld -r`",
    ),
    "core-file": (
        patched(GOOD, 16, "H", 4),
        "error[wrong-elf]: ELF type 4 is neither a relocatable object (1) nor an executable (2)\n"
        "  at a.o\nhint: name the compiler's .o or .a file, or the linked image",
    ),
    "truncated": (
        GOOD[:-1],
        f"error[broken-object]: section header table of 9 entries: 360 bytes at {HEADERS:#x}"
        f" are not inside the file of {len(GOOD) - 1} bytes{BROKEN}",
    ),
    "huge-count": (
        patched(GOOD, SHNUM, "H", 0xFEFF),
        f"error[broken-object]: section header table of 65279 entries: 2611160 bytes at "
        f"{HEADERS:#x} are not inside the file of {len(GOOD)} bytes{BROKEN}",
    ),
    "far-headers": (
        patched(GOOD, SHOFF, "I", 0xFFFF_FFF0),
        f"error[broken-object]: section header 0: 40 bytes at 0xfffffff0 are not inside the file of {len(GOOD)} bytes"
        f"{BROKEN}",
    ),
    "header-size": (
        patched(GOOD, SHENTSIZE, "H", 64),
        f"error[broken-object]: section headers of 64 bytes instead of 40{BROKEN}",
    ),
    "no-names": (
        patched(GOOD, SHSTRNDX, "H", 77),
        f"error[broken-object]: section names are in section 77, and there are 9{BROKEN}",
    ),
    "far-name": (
        patched(GOOD, TEXT, "I", 5000),
        f"error[broken-object]: section 1: its name at 0x1388 is past the string table of 61 bytes{BROKEN}",
    ),
    "far-section": (
        patched(GOOD, TEXT + 16, "I", 0x7FFF_FFFF),
        f"error[broken-object]: section 1 `.text`: 10 bytes at 0x7fffffff are not inside the file of {len(GOOD)} bytes"
        f"{BROKEN}",
    ),
    "odd-alignment": (
        patched(GOOD, TEXT + 32, "I", 3),
        f"error[broken-object]: section 1 `.text`: an alignment of 3 is not a power of two{BROKEN}",
    ),
    "odd-symbols": (
        patched(GOOD, SYMBOLS + 20, "I", 47),
        f"error[broken-object]: a symbol table of 47 bytes is not made of 16-byte entries{BROKEN}",
    ),
    "symbols-without-names": (
        patched(GOOD, SYMBOLS + 24, "I", 1),
        f"error[broken-object]: the symbol table's names are in section 1, which is no string table{BROKEN}",
    ),
    "two-symbol-tables": (
        patched(GOOD, DATA_SECTION + 4, "I", SYMTAB),
        f"error[broken-object]: 2 symbol tables where an object has one{BROKEN}",
    ),
    "symbol-nowhere": (
        simple(symbols=[Sym(name="main", section=300)]).build(),
        f"error[broken-object]: symbol 1 `main` is in section 300, and there are 9{BROKEN}",
    ),
    "bitcode": (
        b"BC\xc0\xde" + bytes(40),
        "error[bitcode]: the object holds LLVM bitcode instead of machine code\n  at a.o\n"
        "hint: compile the component without link-time optimisation (-C lto=no, -fno-lto)",
    ),
    "gcc-lto": (
        simple(symbols=[Sym(name="__gnu_lto_slim", section=COMMON, value=1, size=1)]).build(),
        "error[bitcode]: the object holds GCC's LTO form instead of machine code\n  at a.o\nhint: add -fno-lto",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_object_has_exactly_its_message(name: str) -> None:
    data, message = FAULTS[name]
    with pytest.raises(BadInput) as caught:
        read_object(data, "a.o")
    assert str(caught.value) == message


def test_the_object_that_the_faults_were_made_of_is_good() -> None:
    assert read_object(GOOD, "a.o").allocated


def test_names_that_share_bytes_do_not_multiply_memory() -> None:
    # One long string, and many symbols whose names are its tails: 4 MB of names in a file of 80 KB.
    made = Obj(symbols=[Sym(name="x" * 4000), *(Sym(name="") for _ in range(4000))])
    data = bytearray(made.build())
    start = data.index(bytes(16) + b"\1\0\0\0") + 16
    for index in range(1, 4000):
        data[start + 16 * index : start + 16 * index + 4] = (1 + index % 100).to_bytes(4, "little")
    with pytest.raises(BadInput, match="the names together are longer than eight times the file"):
        read_elf(bytes(data), "a.o")


def test_a_file_beyond_any_object_is_not_read() -> None:
    with pytest.raises(BadInput, match="is more than the"):
        read_object(b"\x7fELF" + bytes(MAX_FILE), "a.o")


def refused(section: Sec) -> list[str]:
    return [str(fault) for fault in refusals(read_object(Obj(sections=[section]).build(), "a.o"))]


WHERE = "\n  at a.o: section 1\nhint: "
CONSTRUCTOR = (
    " holds constructors, which would run privileged before any isolation is on"
    + WHERE
    + "initialise from the component's entry instead"
)


@pytest.mark.parametrize("name", [".init_array", ".init_array.100", ".ctors", ".dtors.5", ".lp.net.fini_array"])
def test_constructors_are_refused_by_name(name: str) -> None:
    section = Sec(name=name, flags=ALLOC | WRITE, data=bytes(4))
    assert refused(section) == [f"error[constructor]: `{name}`{CONSTRUCTOR}"]


def test_constructors_are_refused_by_type() -> None:
    section = Sec(name=".lp.net.x", type=INIT_ARRAY, flags=ALLOC | WRITE, data=bytes(4))
    assert refused(section) == [f"error[constructor]: `.lp.net.x`{CONSTRUCTOR}"]


def test_thread_locals_are_refused() -> None:
    section = Sec(name=".tbss", type=NOBITS, flags=ALLOC | WRITE | TLS, size=4)
    assert refused(section) == [
        f"error[thread-local]: `.tbss` is thread-local storage, which no task has{WHERE}use a plain static"
    ]


def test_writable_code_is_refused() -> None:
    section = Sec(name=".text", flags=ALLOC | WRITE | EXEC, data=bytes(4))
    assert refused(section) == [
        f"error[write-execute]: `.text` is writable and executable{WHERE}keep code in a section that is not writable"
    ]


@pytest.mark.parametrize("name", [".text", ".ctor", ".init_arrays", ".lp.net.data.ctors", ".bss"])
def test_what_only_looks_like_a_constructor_is_not_refused(name: str) -> None:
    assert refused(Sec(name=name, data=bytes(4))) == []


def test_groups_that_share_members_do_not_multiply_time() -> None:
    group = Sec(name=".group", type=GROUP, flags=0, data=bytes(400), link=3, info=1)
    found = read_object(Obj(sections=[group], symbols=[Sym(name="f", section=1)]).build(), "a.o")
    with pytest.raises(BadInput) as caught:
        found.groups  # noqa: B018 - reading the property is the test
    assert str(caught.value) == f"error[broken-object]: section 1: a group of 99 sections{BROKEN}"
