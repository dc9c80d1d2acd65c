"""Objects made to get past sealing: each is refused or loses what it brought, and its honest twin still seals."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from layoutplan.objects import RelocatableObject, SectionType, read_object
from layoutplan.seal import is_sealed
from tests.objects.builder import ALLOC, EM_RISCV, EXEC, Obj, Sec, Sym, header_of, patched
from tests.render import objects
from tests.render.image import read
from tests.seal.sources import assemble, component, function, sealed

DATA = '.section {name},"aw",%progbits\n.balign 4\n.global bait\nbait: .word 7\n'
USES_BAIT = function("uart_main", body=" ldr r0, =bait\n")

UNALLOCATED = {
    "another object to link": '.section .deplibs,"MS",%0x6fff4c04,1\n.asciz "evil.o"\n',
    "linker options": '.section .linker-options,"",%0x6fff4c01\n.asciz "lib"\n.asciz "evil"\n',
    "vectors": '.section .vector_table,"",%progbits\n.word 0, uart_main, uart_main\n',
    "region table": '.section .lp.region_table,"",%progbits\n.word 1\n',
    "another component's": '.section .lp.net.bss.other,"",%progbits\n.space 32\n',
    "kernel code": '.section .init.mine,"",%progbits\n.word memcpy\n',
    "address table": '.section .llvm_addrsig,"",%0x6fff4c03\n.byte 1\n',
    "note": '.section .note.GNU-stack,"",%progbits\n',
    "comment": '.section .comment,"MS",%progbits,1\n.asciz "me"\n',
    "debug": '.section .debug_info,"",%progbits\n.word 1\n',
    "attributes": '.section .text.mine,"",%0x70000003\n.word 1\n',
}

REFUSED = {
    "dash": (DATA.format(name="-tx.rodata.key"), "`.lp.uart-tx.rodata.key` is not among the names `.lp.uart.*`"),
    "underline": (DATA.format(name="_table"), "`.lp.uart_table` is not among the names `.lp.uart.*`"),
    "note": (
        DATA.replace("%progbits", "%note").format(name=".data.n"),
        "`.lp.uart.data.n` takes memory and is of type",
    ),
    "constructors": (DATA.replace("%progbits", "%init_array").format(name=".data.i"), "holds constructors"),
    "early constructors": (DATA.replace("%progbits", "%preinit_array").format(name=".data.i"), "holds constructors"),
    "thread-local": (DATA.replace('"aw"', '"awT"').format(name=".data.t"), "is thread-local storage"),
    "indirect": (
        function("bait").replace(".thumb_func\n", ".thumb_func\n.type bait,%gnu_indirect_function\n"),
        "symbol `bait` is of type 10",
    ),
}


UNDOTTED = ("dash", "underline")


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("what", UNALLOCATED)
def test_what_takes_no_memory_does_not_come_along(what: str, tmp_path: Path) -> None:
    asked = component(assemble(function("uart_main") + UNALLOCATED[what], tmp_path / "uart.o"))
    found = sealed(asked, tmp_path / "sealed.o")
    names = {section.name for section in found.elf.sections if section.type not in (SectionType.NULL, SectionType.REL)}
    assert names - {".ARM.attributes"} == {".lp.uart.text.uart_main", ".symtab", ".strtab", ".shstrtab"}
    assert found.undefined == frozenset()
    assert is_sealed(asked, tmp_path / "sealed.o", frozenset())


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("what", REFUSED)
def test_what_takes_memory_is_data_in_sections_of_its_own(what: str, tmp_path: Path) -> None:
    source, message = REFUSED[what]
    with pytest.raises(BadInput) as caught:
        sealed(component(assemble(USES_BAIT + source, tmp_path / "uart.o")), tmp_path / "sealed.o")
    assert message in str(caught.value)
    assert ("begin the names of the component's own sections with a dot" in str(caught.value)) == (what in UNDOTTED)
    honest = component(assemble(USES_BAIT + DATA.format(name=".data.key"), tmp_path / "honest.o"))
    assert ".lp.uart.data.key" in {section.name for section in sealed(honest, tmp_path / "sealed.o").allocated}


def test_a_symbol_that_cannot_be_made_local_is_refused(toolchain: str, tmp_path: Path) -> None:
    """GNU's objcopy leaves ``STB_GNU_UNIQUE`` as it is, and the kernel's calls bind to it. LLVM's makes it local."""
    path = assemble(function("uart_main", "memcpy") + function("memcpy"), tmp_path / "uart.o")
    assert sealed(component(path), tmp_path / "sealed.o").defined == {"uart_main"}
    unique = _with_symbol(path.read_bytes(), "memcpy", info=10 << 4 | 2)
    path.write_bytes(patched(unique, 7, "B", 3))  # EI_OSABI: ELFOSABI_GNU
    if toolchain != "gnu":
        assert sealed(component(path), tmp_path / "unique.o").defined == {"uart_main"}
        return
    with pytest.raises(BadInput, match="symbol `memcpy` is neither local nor global nor weak"):
        sealed(component(path), tmp_path / "unique.o")


def test_lld_links_no_object_that_a_sealed_one_names(tmp_path: Path) -> None:
    evil = assemble(function("__aeabi_memcpy"), tmp_path / "evil.o")
    source = function("uart_main") + f'.section .deplibs,"MS",%0x6fff4c04,1\n.asciz "{evil}"\n'
    asked = component(assemble(source, tmp_path / "uart.o"))
    sealed(asked, tmp_path / "sealed.o")
    script = tmp_path / "all.ld"
    script.write_text("SECTIONS { .all 0x8000 : { KEEP(*(.lp.*)) *(.text .text.*) } }\n")
    symbols = []
    for path in (asked.objects[0], tmp_path / "sealed.o"):
        result = objects.link("lld", script, [path], tmp_path / "a.elf", "-e", "uart_main", "-u", "__aeabi_memcpy")
        assert result.returncode == 0, result.stderr
        symbols.append(set(read(tmp_path / "a.elf").symbols))
    assert "__aeabi_memcpy" in symbols[0], "unsealed, lld links what the object names"
    assert "__aeabi_memcpy" not in symbols[1]


GOOD = (
    function("uart_main", body=" ldr r0, =counter\n")
    + '.section .data.counter,"aw"\n.balign 4\n.global counter\ncounter: .word uart_main\n'
)


@pytest.fixture
def good(tmp_path: Path) -> bytes:
    sealed(component(assemble(GOOD, tmp_path / "uart.o")), tmp_path / "sealed.o")
    return (tmp_path / "sealed.o").read_bytes()


def _section(data: bytes, name: str, field: int, value: int) -> bytes:
    """With one word of the header of section ``name`` replaced: 1 type, 2 flags, 5 size, 6 link, 7 info."""
    found = _object(data).elf.section(name)
    assert found is not None
    return patched(data, header_of(data, found.index) + 4 * field, "I", value)


def _renamed(data: bytes, name: str, new: str) -> bytes:
    """With a section's name overwritten in place, by one that is as long."""
    assert len(name) == len(new)
    assert data.count(name.encode() + b"\0") >= 1
    return data.replace(name.encode() + b"\0", new.encode() + b"\0")


def _with_symbol(data: bytes, name: str, *, info: int | None = None, section: int | None = None) -> bytes:
    elf = _object(data).elf
    table = next(section for section in elf.sections if section.type == SectionType.SYMTAB)
    number = 1 + next(number for number, symbol in enumerate(elf.symbols) if symbol.name == name)
    at = table.offset + 16 * number
    data = data if info is None else patched(data, at + 12, "B", info)
    return data if section is None else patched(data, at + 14, "H", section)


def _first_relocation(data: bytes, offset: int) -> bytes:
    table = next(section for section in _object(data).elf.sections if section.type == SectionType.REL)
    return patched(data, table.offset, "I", offset)


def _object(data: bytes) -> RelocatableObject:
    return read_object(data, "sealed.o")


TEXT, COUNTER = ".lp.uart.text.uart_main", ".lp.uart.data.counter"
ABSOLUTE = 0xFFF1
DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "left out by linkers": lambda data: _section(data, COUNTER, 2, 0x8000_0003),
    "section of another component": lambda data: _renamed(data, COUNTER, ".lp.uart-data.counter"),
    "section of the kernel": lambda data: _renamed(data, COUNTER, ".data.counter.counter"),
    "section without memory": lambda data: _section(data, COUNTER, 2, 1),
    "note in memory": lambda data: _section(data, COUNTER, 1, 7),
    "constructor in memory": lambda data: _section(data, COUNTER, 1, 14),
    "linked order": lambda data: _section(data, COUNTER, 2, 0x83),
    "in a group": lambda data: _section(data, COUNTER, 2, 0x203),
    "compressed": lambda data: _section(data, COUNTER, 2, 0x803),
    "dependent libraries": lambda data: _section(data, ".ARM.attributes", 1, 0x6FFF_4C04),
    "attributes of another name": lambda data: _renamed(data, ".ARM.attributes", ".text.attribute"),
    "attributes in memory": lambda data: _section(data, ".ARM.attributes", 2, 2),
    "relocations of nothing": lambda data: _section(data, f".rel{TEXT}", 7, 0),
    "relocations of a table": lambda data: _section(data, f".rel{TEXT}", 7, _index(data, ".symtab")),
    "relocations twice": lambda data: _section(data, f".rel{TEXT}", 7, _index(data, COUNTER)),
    "relocations in memory": lambda data: _section(data, f".rel{TEXT}", 2, 0x42),
    "relocations of no symbols": lambda data: _section(data, f".rel{TEXT}", 6, _index(data, ".strtab")),
    "relocation past the end": lambda data: _first_relocation(data, 0x1000),
    "relocation over the end": lambda data: _first_relocation(data, _size(data, TEXT) - 3),
    "entry nowhere": lambda data: _with_symbol(data, "uart_main", section=ABSOLUTE),
    "entry in the attributes": lambda d: _with_symbol(d, "uart_main", section=_index(d, ".ARM.attributes")),
    "entry unique": lambda data: _with_symbol(data, "uart_main", info=10 << 4 | 2),
    "entry thread-local": lambda data: _with_symbol(data, "uart_main", info=1 << 4 | 6),
    "entry indirect": lambda data: _with_symbol(data, "uart_main", info=1 << 4 | 10),
    "entry hidden from others": lambda data: _with_symbol(data, "uart_main", info=2),
    "entry left open": lambda data: _with_symbol(data, "uart_main", section=0),
    "second global": lambda data: _with_symbol(data, "counter", info=1 << 4 | 1),
    "common": lambda data: _with_symbol(data, "counter", info=1 << 4 | 1, section=0xFFF2),
    "open name": lambda data: _with_symbol(data, "counter", info=1 << 4, section=0),
}


def _index(data: bytes, name: str) -> int:
    found = _object(data).elf.section(name)
    assert found is not None
    return found.index


def _size(data: bytes, name: str) -> int:
    found = _object(data).elf.section(name)
    assert found is not None
    return found.size


@pytest.mark.parametrize("what", DAMAGED)
def test_an_object_that_only_looks_sealed_is_not(what: str, good: bytes, tmp_path: Path) -> None:
    assert is_sealed(component(), tmp_path / "sealed.o", frozenset())
    changed = DAMAGED[what](good)
    assert changed != good
    (tmp_path / "sealed.o").write_bytes(changed)
    assert not is_sealed(component(), tmp_path / "sealed.o", frozenset())


RELA, SET8, ALIGN, SET_ULEB128, SUB_ULEB128 = 4, 54, 43, 60, 61
REACHES = {
    "byte": ([(3, SET8, 0)], True),
    "filling": ([(2, ALIGN, 2)], True),
    "filling past the end": ([(2, ALIGN, 4)], False),
    "filling before the start": ([(2, ALIGN, -2)], False),
    # LLVM's linker writes over every byte with bit 7 set and the next one, wherever the section ends.
    "number": ([(3, SET_ULEB128, 0), (3, SUB_ULEB128, 0)], False),
}


@pytest.mark.parametrize("what", REACHES)
def test_no_riscv_relocation_reaches_beyond_its_section(what: str, tmp_path: Path) -> None:
    rows, accepted = REACHES[what]
    text = Sec(name=".lp.uart.text.uart_main", flags=ALLOC | EXEC, data=b"\x6f\0\0\0")
    number = Sec(name=".lp.uart.rodata.number", data=b"\0\0\0\x80")
    table = b"".join(struct.pack("<IIi", offset, 1 << 8 | kind, addend) for offset, kind, addend in rows)
    fixups = Sec(name=".rela.lp.uart.rodata.number", type=RELA, flags=0x40, data=table, link=4, info=2)
    entry = Sym(name="uart_main", section=1, info=0x12)
    made = Obj(machine=EM_RISCV, flags=1, sections=[text, number, fixups], symbols=[entry])
    (tmp_path / "sealed.o").write_bytes(made.build())
    assert is_sealed(component(), tmp_path / "sealed.o", frozenset()) is accepted


def test_relocations_end_where_their_section_does(good: bytes, tmp_path: Path) -> None:
    """The last word of a section may be patched, one byte further is another's."""
    size = _size(good, TEXT)
    assert size % 4 == 0
    (tmp_path / "sealed.o").write_bytes(_first_relocation(good, size - 4))
    assert is_sealed(component(), tmp_path / "sealed.o", frozenset())
