"""A linked image as GNU readelf tells it, and the bytes that a programmer would flash."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.toolchain import tool

_SECTION = re.compile(
    r"^\s*\[\s*(\d+)\] (\S+)\s+(\S+)\s+([0-9a-f]{8}) [0-9a-f]{6} ([0-9a-f]{6}) [0-9a-f]{2}\s+([A-Z]*)"
)
_SYMBOL = re.compile(r"^\s*\d+: ([0-9a-f]{8})\s+(\w+) (\w+)\s+\w+\s+\w+\s+(\S+) (\S+)$")
_LOAD = re.compile(r"^\s*LOAD\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Section:
    """A section header that takes memory or not."""

    type: str
    address: int
    size: int
    flags: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol that is defined in a section. ``size`` in bytes."""

    name: str
    type: str
    address: int
    size: int
    section: str


@dataclass(frozen=True, slots=True)
class Load:
    """A PT_LOAD."""

    offset: int
    virtual: int
    physical: int
    file_size: int
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """What readelf prints."""

    sections: dict[str, Section]
    symbols: dict[str, int]
    defined: tuple[Symbol, ...]
    loads: tuple[Load, ...]
    data: bytes

    def at(self, physical: int, size: int) -> bytes:
        """The bytes that lie at a load address after flashing."""
        for load in self.loads:
            if load.physical <= physical and physical + size <= load.physical + load.file_size:
                start = load.offset + physical - load.physical
                return self.data[start : start + size]
        raise AssertionError(f"nothing is loaded at {physical:#x}")

    def flashed(self, physical: int, size: int) -> bytes:
        """The same, where nothing may have been loaded: erased flash reads as ones."""
        return bytes(self._byte(address) for address in range(physical, physical + size))

    def _byte(self, physical: int) -> int:
        for load in self.loads:
            if load.physical <= physical < load.physical + load.file_size:
                return self.data[load.offset + physical - load.physical]
        return 0xFF

    def words(self, address: int, end: int) -> tuple[int, ...]:
        """Little-endian words from ``address`` up to ``end``."""
        data = self.at(address, end - address)
        return tuple(int.from_bytes(data[index : index + 4], "little") for index in range(0, len(data), 4))


def read(elf: Path) -> Image:
    """Read a linked image."""
    text = subprocess.run(
        [tool("readelf", "binutils"), "-SlsW", str(elf)], capture_output=True, text=True, check=True
    ).stdout
    sections: dict[str, Section] = {}
    names: dict[str, str] = {}
    symbols, defined, loads = {}, [], []
    for line in text.splitlines():
        if match := _SECTION.match(line):
            index, name, kind, address, size, flags = match.groups()
            sections[name] = Section(kind, int(address, 16), int(size, 16), flags)
            names[index] = name
        elif match := _SYMBOL.match(line):
            address, size, kind, index, name = match.groups()
            symbols[name] = int(address, 16)
            if index in names:
                defined.append(Symbol(name, kind, int(address, 16), int(size, 0), names[index]))
        elif match := _LOAD.match(line):
            loads.append(Load(*(int(field, 16) for field in match.groups())))
    return Image(sections, symbols, tuple(defined), tuple(loads), elf.read_bytes())
