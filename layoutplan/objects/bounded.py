"""Reads of a hostile file: every offset and count is checked against the file before anything is made of it."""

from __future__ import annotations

import struct

from layoutplan.errors import BadInput, Fault

MAX_FILE = 256 << 20
"""Bytes. No microcontroller's object or archive comes near; reading more would only cost memory."""

MAX_NAME = 16 << 10
"""Bytes of one section or symbol name. Mangled Rust and C++ names stay far below."""


class Bounded:
    """The bytes of one file. Every fault is a ``BadInput`` that names the file and, with ``what``, the part."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self._name_bytes = 0
        if len(data) > MAX_FILE:
            text = f"{len(data)} bytes is more than the {MAX_FILE} that an object may have"
            raise self.fault("too-large", text, "strip its debug information")

    def fault(self, code: str, message: str, hint: str) -> BadInput:
        """An exception about this file, to be raised."""
        return BadInput([Fault(code=code, message=message, where=self.name, hint=hint)])

    def broken(self, message: str) -> BadInput:
        """The fault that the file is not the ELF or archive that it claims to be."""
        return self.fault("broken-object", message, "build the file again: it is damaged, or not finished")

    def slice(self, offset: int, size: int, what: str) -> bytes:
        """``size`` bytes from ``offset``."""
        if offset < 0 or size < 0 or offset + size > len(self.data):
            raise self.broken(f"{what}: {size} bytes at {offset:#x} are not inside the file of {len(self.data)} bytes")
        return self.data[offset : offset + size]

    def unpack(self, layout: struct.Struct, offset: int, what: str) -> tuple[int, ...]:
        """The integers of one record."""
        return layout.unpack(self.slice(offset, layout.size, what))

    def text(self, start: int, end: int, offset: int, what: str) -> str:
        """The NUL-terminated name at ``offset`` in the string table ``start <= address < end``."""
        if not 0 <= offset < end - start:
            if offset == 0:
                return ""  # a string table may be empty
            raise self.broken(f"{what}: its name at {offset:#x} is past the string table of {end - start} bytes")
        stop = self.data.find(b"\0", start + offset, min(end, start + offset + MAX_NAME))
        if stop < 0:
            raise self.broken(f"{what}: its name does not end within the string table and {MAX_NAME} bytes")
        self.count_name(stop - start - offset, what)
        return self.data[start + offset : stop].decode("utf-8", "backslashreplace")

    def count_name(self, size: int, what: str) -> None:
        """Names may share bytes, so their sum is not bounded by the file unless it is bounded here."""
        self._name_bytes += size
        if size > MAX_NAME or self._name_bytes > 8 * len(self.data):
            raise self.broken(f"{what}: the names together are longer than eight times the file")
