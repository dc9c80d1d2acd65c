"""What a final link would still change in a sealed object: RISC-V relaxation, and merging of equal strings."""

from __future__ import annotations

import struct

from layoutplan.model.access import Machine
from layoutplan.objects import RelocatableObject, SectionFlag, SectionType

_RELA = struct.Struct("<IIi")
_FLAGS_AT = 8
"""Bytes from the start of an ELF32 section header to ``sh_flags``."""
_R_RISCV_NONE, _R_RISCV_RELAX = 0, 51


def without_relaxation(found: RelocatableObject) -> bytes:
    """The object's bytes with every R_RISCV_RELAX made R_RISCV_NONE (RISC-V ELF psABI, relocations).

    Where the final link defines ``__global_pointer$``, a linker that relaxes turns a component's access to its small
    data into one relative to ``gp``, a register that holds whatever the partition left in it. Without the mark each
    instruction stays as the compiler made it, whatever options the final link is given, and keeps its planned size.
    """
    if found.machine is not Machine.RISCV:
        return found.elf.data
    data = bytearray(found.elf.data)
    for section in found.elf.sections:
        if section.type != SectionType.RELA:
            continue
        for at in range(section.offset, section.offset + section.size - _RELA.size + 1, _RELA.size):
            offset, info, _ = _RELA.unpack_from(data, at)
            if info & 0xFF == _R_RISCV_RELAX:
                _RELA.pack_into(data, at, offset, _R_RISCV_NONE, 0)
    return bytes(data)


def without_merging(found: RelocatableObject, data: bytes) -> bytes:
    """``data``, the object's bytes, with no section marked as one whose strings or constants may be merged.

    A final link that merges moves what follows, so that nothing is where the object's sizes say, and ends one
    component's string in another's (ELF gABI, SHF_MERGE). The bytes are planned for either way.
    """
    settled = bytearray(data)
    start, size = struct.unpack_from("<I", data, 0x20)[0], struct.unpack_from("<H", data, 0x2E)[0]
    for section in found.elf.sections:
        flags = section.flags & ~(SectionFlag.MERGE | SectionFlag.STRINGS)
        if section.allocated and flags != section.flags:
            struct.pack_into("<I", settled, start + section.index * size + _FLAGS_AT, flags)
    return bytes(settled)
