"""RISC-V linker relaxation, which would let a component's code depend on the kernel's ``gp``."""

from __future__ import annotations

import struct

from layoutplan.model.access import Machine
from layoutplan.objects import RelocatableObject, SectionType

_RELA = struct.Struct("<IIi")
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
