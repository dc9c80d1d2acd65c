"""The sealed objects of the reference image: filler, and at the end of the code what names variables and a share."""

from __future__ import annotations

import struct

from layoutplan.check.elf.image import EM_ARM, EM_RISCV
from layoutplan.check.elf.objects import ET_REL, SHT_REL, SHT_RELA
from layoutplan.check.elf.relocated import R_ARM_ABS32, R_RISCV_32
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.writer import Image, Piece, filler, movw_movt
from layoutplan.model.access import UnitName
from layoutplan.model.component import Role

SPACE = (Role.STACK, Role.BSS, Role.SHARE)
COUNTER = 8
"""Where in its zeroed data each component has a variable that its code names."""
TAIL = 16
"""Bytes at the end of each component's code: an address in two instructions, and two words."""
SHARE = "__lp_shared_ring_start"
_ARM = ((0, 47), (4, 48), (8, R_ARM_ABS32), (12, R_ARM_ABS32))
_RISCV = ((0, 23), (4, 24), (8, R_RISCV_32), (12, R_RISCV_32))
"""Offset in the tail and relocation type: the halves of the address (MOVW and MOVT, AUIPC and ADDI), the words."""


def tail(unit: UnitName, at: int, variable: int, other: int) -> bytes:
    """What a linker makes of the tail at address ``at``."""
    words = struct.pack("<2I", variable, other)
    if unit is not UnitName.PMP:
        return movw_movt(variable) + words
    offset = variable - at if variable else 0
    upper = (offset + 0x800 & 0xFFFF_F000) | 10 << 7 | 0x17
    return struct.pack("<2I", upper, (offset & 0xFFF) << 20 | 10 << 15 | 10 << 7 | 0x13) + words


def other_name(component: str) -> str:
    """What the last word names: the share, where the manifest gives it to the component."""
    shares = {name for share in reference.system(UnitName.ARMV7M).shares for name in share.access}
    return SHARE if component in shares else "counter"


def objects(unit: UnitName) -> dict[str, bytes]:
    """The sealed objects that the image was made of, by component: one section for each role."""
    arm = unit is not UnitName.PMP
    made = {}
    for component in reference.system(unit).components:
        sealed = Image(machine=EM_ARM if arm else EM_RISCV, entry=0, kind=ET_REL)
        for section in component.sections:
            name, space = f"{component.name}.{section.role.value}", section.role in SPACE
            data = b"" if space else filler(name, section.size)
            sealed.pieces.append(Piece(section.name, 0, data=data, size=section.size))
        text, bss = sealed.piece(f".lp.{component.name}.text"), f".lp.{component.name}.bss"
        start = len(text.data) - TAIL
        text.data = text.data[:start] + tail(unit, 0, 0, 0)
        entry = f"{component.name}_main"
        sealed.symbols |= {
            "counter": (COUNTER, 4),
            "upper": (start, 0),
            SHARE: (0, 0),
            entry: (int(arm), len(text.data)),
        }
        sealed.homes |= {"counter": bss, "upper": text.name, entry: text.name}
        sealed.functions.add(entry)
        for offset, kind in _ARM if arm else _RISCV:
            symbol = (
                "upper" if (arm, kind) == (False, 24) else other_name(component.name) if offset == 12 else "counter"
            )
            sealed.relocations.append((text.name, start + offset, kind, symbol, SHT_REL if arm else SHT_RELA))
        made[component.name] = sealed.elf()
    return made


def with_code(made: Image, unit: UnitName) -> Image:
    """The image with the tails of its components' code as linked."""
    for component in reference.PARTITIONS:
        text = made.piece(f".lp.{component}.text")
        counter = made.piece(f".lp.{component}.bss").address + COUNTER
        other = counter if other_name(component) == "counter" else made.piece(".lp.shared.ring").address
        start = len(text.data) - TAIL
        text.data = text.data[:start] + tail(unit, text.address + start, counter, other)
    return made
