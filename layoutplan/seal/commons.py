"""An object that gives tentative definitions their memory.

``ld -r`` leaves them as ``SHN_COMMON`` (GNU unless told, lld always), and a common symbol that has been made local has
no memory at all. A real definition in the link replaces them, with either linker.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from layoutplan.model.access import Machine
from layoutplan.objects import SectionFlag, SectionType, Symbol

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")
_MACHINE_NUMBER = {Machine.ARM: 40, Machine.RISCV: 243}
_GLOBAL_OBJECT = 1 << 4 | 1


class _Strings:
    """A string table under construction."""

    def __init__(self) -> None:
        self.data = bytearray(1)

    def add(self, text: str) -> int:
        offset = len(self.data)
        self.data += text.encode("utf-8", "surrogateescape") + b"\0"
        return offset


def definitions(commons: Iterable[Symbol], machine: Machine, flags: int) -> bytes:
    """A relocatable object with one ``.bss`` section per symbol; ``flags`` as in the objects that it joins.

    A common symbol's value is its alignment (gABI, symbol values).
    """
    names, symbols = _Strings(), _Strings()
    rows = [bytes(_SECTION.size)]
    table = [bytes(_SYMBOL.size)]
    chosen = sorted({symbol.name: symbol for symbol in commons}.items())
    alloc = SectionFlag.WRITE | SectionFlag.ALLOC
    for index, (name, symbol) in enumerate(chosen, start=1):
        align = max(symbol.value, 1)
        row = (names.add(f".bss.{name}"), SectionType.NOBITS, alloc, 0, _HEADER.size, symbol.size, 0, 0, align, 0)
        rows.append(_SECTION.pack(*row))
        table.append(_SYMBOL.pack(symbols.add(name), 0, symbol.size, _GLOBAL_OBJECT, 0, index))
    symbol_bytes, string_bytes = b"".join(table), bytes(symbols.data)
    first = len(rows)
    at = _HEADER.size
    rows.append(
        _SECTION.pack(
            names.add(".symtab"), SectionType.SYMTAB, 0, 0, at, len(symbol_bytes), first + 1, 1, 4, _SYMBOL.size
        )
    )
    at += len(symbol_bytes)
    rows.append(_SECTION.pack(names.add(".strtab"), SectionType.STRTAB, 0, 0, at, len(string_bytes), 0, 0, 1, 0))
    at += len(string_bytes)
    own_name = names.add(".shstrtab")
    rows.append(_SECTION.pack(own_name, SectionType.STRTAB, 0, 0, at, len(names.data), 0, 0, 1, 0))
    body = symbol_bytes + string_bytes + bytes(names.data)
    headers = (_HEADER.size + len(body) + 3) & -4
    ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    number = _MACHINE_NUMBER[machine]
    sizes = (_HEADER.size, 0, 0, _SECTION.size, len(rows), len(rows) - 1)
    header = _HEADER.pack(ident, 1, number, 1, 0, 0, headers, flags, *sizes)
    return (header + body).ljust(headers, b"\0") + b"".join(rows)
