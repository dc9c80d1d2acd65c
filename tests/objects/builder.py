"""Builds ELF32 relocatable objects and archives byte by byte, well-formed unless a test asks otherwise."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

EM_ARM, EM_RISCV = 40, 243
PROGBITS, SYMTAB, STRTAB, NOBITS, GROUP, INIT_ARRAY, ATTRIBUTES = 1, 2, 3, 8, 17, 14, 0x7000_0003
WRITE, ALLOC, EXEC, TLS = 1, 2, 4, 0x400
UNDEF, COMMON = 0, 0xFFF2


@dataclass(kw_only=True)
class Sec:
    name: str
    type: int = PROGBITS
    flags: int = ALLOC
    data: bytes = b""
    size: int | None = None
    align: int = 4
    link: int = 0
    info: int = 0


@dataclass(kw_only=True)
class Sym:
    name: str
    section: int = UNDEF
    value: int = 0
    size: int = 0
    info: int = 0x10  # global, no type


@dataclass(kw_only=True)
class Obj:
    """``sections`` get the indices 1, 2, … in order; symbol and string tables follow them."""

    sections: list[Sec] = field(default_factory=list)
    symbols: list[Sym] = field(default_factory=list)
    machine: int = EM_ARM
    type: int = 1
    entry: int = 0
    flags: int = 0x0500_0000
    table_names: bool = True

    def build(self) -> bytes:
        strings = _Strings()
        rows = [struct.pack("<IIIBBH", 0, 0, 0, 0, 0, 0)]
        rows += [
            struct.pack("<IIIBBH", strings.at(s.name), s.value, s.size, s.info, 0, s.section) for s in self.symbols
        ]
        count = len(self.sections) + 1
        symtab = Sec(name=".symtab", type=SYMTAB, flags=0, data=b"".join(rows), link=count + 1, info=1)
        strtab = Sec(name=".strtab", type=STRTAB, flags=0, data=strings.data, align=1)
        shstrtab = Sec(name=".shstrtab", type=STRTAB, flags=0, align=1)
        every = [*self.sections, symtab, strtab, shstrtab]
        names = _Strings()
        # Dissolved objects leave the names of the tables empty.
        at = [names.at(s.name) if self.table_names or s in self.sections else 0 for s in every]
        shstrtab.data = names.data
        body, headers, position = bytearray(), [bytes(40)], 52
        for section, name in zip(every, at, strict=True):
            size = len(section.data) if section.size is None else section.size
            headers.append(
                struct.pack(
                    "<10I",
                    name,
                    section.type,
                    section.flags,
                    0,
                    position,
                    size,
                    section.link,
                    section.info,
                    section.align,
                    16 if section.type == SYMTAB else 0,
                )
            )
            body += section.data
            position += len(section.data)
        header = b"\x7fELF\x01\x01\x01" + bytes(9)
        header += struct.pack(
            "<HHIIIIIHHHHHH",
            self.type, self.machine, 1, self.entry, 0, position, self.flags, 52, 0, 0, 40, len(headers), len(every),
        )  # fmt: skip
        return header + bytes(body) + b"".join(headers)


class _Strings:
    def __init__(self) -> None:
        self.data = b"\0"

    def at(self, name: str) -> int:
        if not name:
            return 0
        self.data += name.encode() + b"\0"
        return len(self.data) - len(name.encode()) - 1


def patched(data: bytes, offset: int, layout: str, value: int) -> bytes:
    """``data`` with one integer at ``offset`` replaced."""
    new = bytearray(data)
    struct.pack_into("<" + layout, new, offset, value)
    return bytes(new)


SHOFF, SHENTSIZE, SHNUM, SHSTRNDX = 32, 46, 48, 50
"""Offsets in the ELF header."""


def header_of(data: bytes, index: int) -> int:
    """The offset of a section's header."""
    return int(struct.unpack_from("<I", data, SHOFF)[0]) + 40 * index


def arm_attributes(cpu_arch: int) -> Sec:
    """``.ARM.attributes`` that hold nothing but ``Tag_CPU_arch``."""
    scope = struct.pack("<BI", 1, 7) + bytes([6, cpu_arch])
    vendor = b"aeabi\0" + scope
    content = b"A" + struct.pack("<I", 4 + len(vendor)) + vendor
    return Sec(name=".ARM.attributes", type=ATTRIBUTES, flags=0, data=content, align=1)


def simple(**options: object) -> Obj:
    """Code, constants, data, zeroed data; one symbol defined and one undefined."""
    made = Obj(
        sections=[
            Sec(name=".text", flags=ALLOC | EXEC, data=bytes(10), align=2),
            Sec(name=".rodata", data=bytes(5), align=1),
            Sec(name=".data", flags=ALLOC | WRITE, data=bytes(12)),
            Sec(name=".bss", type=NOBITS, flags=ALLOC | WRITE, size=64, align=8),
            Sec(name=".comment", flags=0, data=b"made by a test\0", align=1),
        ],
        symbols=[Sym(name="main", section=1, info=0x12), Sym(name="memcpy")],
    )
    for name, value in options.items():
        setattr(made, name, value)
    return made


def member(name: bytes, data: bytes, *, size: int | None = None) -> bytes:
    header = name.ljust(16) + b"0           0     0     644     "
    header += str(len(data) if size is None else size).encode().ljust(10) + b"`\n"
    return header + data + (b"\n" if len(data) % 2 else b"")
