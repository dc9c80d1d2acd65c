"""What a linker makes of a field that a relocation fills, for the relocations that compilers use.

A component whose code and constants are in their places may still be sent elsewhere by what its instructions name: to
another component's variables of the same size, say. Only what a relocation determines by itself is compared; the low
half of a RISC-V address pair relative to the program counter belongs to a label and is left out.
"""

from __future__ import annotations

import struct

from layoutplan.model.access import Machine

R_ARM_ABS32, _REL32, _CALL, _JUMP24, _MOVW, _MOVT = 2, 3, 10, 30, 47, 48
"""AAELF32, table of relocation codes: R_ARM_ABS32, REL32, THM_CALL, THM_JUMP24, THM_MOVW_ABS_NC, THM_MOVT_ABS."""
R_RISCV_32, _RV_JAL, _RV_CALLS, _RV_PCREL_HI20, _RV_HI20, _RV_LO12_I, _RV_LO12_S = 1, 17, (18, 19), 23, 26, 27, 28
"""RISC-V ELF psABI, table of relocation types."""


def as_relocated(
    machine: Machine, kind: int, before: bytes, place: int, symbol: int, addend: int | None
) -> bytes | None:
    """The field's bytes for a relocation of ``kind`` at address ``place``; ``None`` for one that is not modelled.

    ``before`` are the field's bytes in the object, which hold the addend where ``addend`` is ``None``. ``symbol`` is
    the symbol's address, odd for a Thumb function.
    """
    if machine is Machine.ARM:
        return _arm(kind, before, place, symbol)
    return None if addend is None else _riscv(kind, before, place, symbol + addend)


def field_width(machine: Machine, kind: int) -> int:
    """Bytes that a relocation may change: an AUIPC and the JALR behind it for a RISC-V call."""
    return 8 if machine is Machine.RISCV and kind in _RV_CALLS else 4


def _arm(kind: int, before: bytes, place: int, symbol: int) -> bytes | None:
    (word,) = struct.unpack("<I", before)
    if kind == R_ARM_ABS32:
        return struct.pack("<I", symbol + word & 0xFFFF_FFFF)
    if kind == _REL32:
        return struct.pack("<I", symbol + word - place & 0xFFFF_FFFF)
    first, second = word & 0xFFFF, word >> 16
    if kind in (_MOVW, _MOVT):
        immediate = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        value = symbol + _signed(immediate, 16)
        half = (value >> 16 if kind == _MOVT else value) & 0xFFFF
        first = first & ~0x40F | half >> 12 | (half >> 11 & 1) << 10
        return struct.pack("<HH", first, second & ~0x70FF | (half >> 8 & 7) << 12 | half & 0xFF)
    if kind in (_CALL, _JUMP24):
        sign, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
        bits = (
            sign << 24 | (1 ^ j1 ^ sign) << 23 | (1 ^ j2 ^ sign) << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
        )
        offset = (symbol & ~1) + _signed(bits, 25) - place
        sign, i1, i2 = offset >> 24 & 1, offset >> 23 & 1, offset >> 22 & 1
        first = first & ~0x7FF | sign << 10 | offset >> 12 & 0x3FF
        j1, j2 = 1 ^ i1 ^ sign, 1 ^ i2 ^ sign
        return struct.pack("<HH", first, second & ~0x2FFF | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF)
    return None


def _riscv(kind: int, before: bytes, place: int, value: int) -> bytes | None:
    (word,) = struct.unpack_from("<I", before)
    offset = value - place
    if kind == R_RISCV_32:
        return struct.pack("<I", value & 0xFFFF_FFFF)
    if kind == _RV_HI20:
        return struct.pack("<I", word & 0xFFF | value + 0x800 & 0xFFFF_F000)
    if kind == _RV_PCREL_HI20:
        return struct.pack("<I", word & 0xFFF | offset + 0x800 & 0xFFFF_F000)
    if kind == _RV_LO12_I:
        return struct.pack("<I", word & 0xF_FFFF | (value & 0xFFF) << 20)
    if kind == _RV_LO12_S:
        return struct.pack("<I", word & 0x1FF_F07F | (value >> 5 & 0x7F) << 25 | (value & 0x1F) << 7)
    if kind == _RV_JAL:
        bits = (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3FF) << 21 | (offset >> 11 & 1) << 20
        return struct.pack("<I", word & 0xFFF | bits | (offset >> 12 & 0xFF) << 12)
    if kind in _RV_CALLS:
        (jump,) = struct.unpack_from("<I", before, 4)
        return struct.pack("<II", word & 0xFFF | offset + 0x800 & 0xFFFF_F000, jump & 0xF_FFFF | (offset & 0xFFF) << 20)
    return None


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 & 1 else value
