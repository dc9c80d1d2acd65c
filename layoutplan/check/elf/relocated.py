"""What a linker makes of a field that a relocation fills, for the relocations that compilers of C and Rust use.

A component whose code and constants are in their places may still be sent elsewhere by what its instructions name: to
another component's variables of the same size, say. A type that stands in neither table is not modelled, and nothing
is said of its field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from layoutplan.model.access import Machine

R_ARM_ABS32, R_RISCV_32 = 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One type: how wide its field is, what is put into it, how it holds its addend where no row does.

    ``put`` takes the field before, and the value; ``value`` makes that of symbol, addend and the field's address.
    """

    width: int
    put: Callable[[int, int], int]
    value: Callable[[int, int, int], int]
    held: Callable[[int], int] = lambda _: 0
    branches: bool = False


def model_of(machine: Machine, kind: int) -> Field | None:
    """How a linker treats the type; ``None`` where that is not modelled. Width 0 fills nothing."""
    return (_ARM if machine is Machine.ARM else _RISCV).get(kind)


def addend_of(field: Field, before: bytes, addend: int | None) -> int:
    """The addend, in the relocation's row or in the field's bytes before the link."""
    return field.held(int.from_bytes(before, "little")) if addend is None else addend


def as_relocated(field: Field, before: bytes, place: int, symbol: int, addend: int | None) -> bytes:
    """The field's bytes at address ``place`` after the link; ``symbol`` is odd for a Thumb function."""
    word = int.from_bytes(before, "little")
    made = field.put(word, field.value(symbol, addend_of(field, before, addend), place))
    return (made & (1 << 8 * field.width) - 1).to_bytes(field.width, "little")


def pcrel_high(machine: Machine, kind: int) -> bool:
    """Whether the type is the upper half of an address relative to the program counter."""
    return machine is Machine.RISCV and kind == 23


def pcrel_low(machine: Machine, kind: int) -> bool:
    """Whether the type is the lower half, whose symbol marks the instruction with the upper one."""
    return machine is Machine.RISCV and kind in (24, 25)


def signed(value: int, bits: int) -> int:
    """``value`` as two's complement of that many bits."""
    return value - (1 << bits) if value >> bits - 1 & 1 else value


def _absolute(symbol: int, addend: int, place: int) -> int:
    del place
    return symbol + addend


def _relative(symbol: int, addend: int, place: int) -> int:
    return symbol + addend - place


def _jump(symbol: int, addend: int, place: int) -> int:
    return (symbol & ~1) + addend - place


def _word(word: int, value: int) -> int:
    del word
    return value


def _upper_half(value: Callable[[int, int, int], int]) -> Callable[[int, int, int], int]:
    return lambda symbol, addend, place: value(symbol, addend, place) >> 16


def _put_mov16(word: int, value: int) -> int:
    first, second, half = word & 0xFFFF, word >> 16, value & 0xFFFF
    first = first & ~0x40F | half >> 12 | (half >> 11 & 1) << 10
    return first | (second & ~0x70FF | (half >> 8 & 7) << 12 | half & 0xFF) << 16


def _held_mov16(word: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    half = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
    return signed(half, 16)


def _put_branch25(word: int, value: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    sign = value >> 24 & 1
    j1, j2 = 1 ^ (value >> 23 & 1) ^ sign, 1 ^ (value >> 22 & 1) ^ sign
    first = first & ~0x7FF | sign << 10 | value >> 12 & 0x3FF
    return first | (second & ~0x2FFF | j1 << 13 | j2 << 11 | value >> 1 & 0x7FF) << 16


def _held_branch25(word: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    sign, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
    high = sign << 24 | (1 ^ j1 ^ sign) << 23 | (1 ^ j2 ^ sign) << 22
    return signed(high | (first & 0x3FF) << 12 | (second & 0x7FF) << 1, 25)


def _put_branch21(word: int, value: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    first = first & ~0x43F | (value >> 20 & 1) << 10 | value >> 12 & 0x3F
    j1, j2 = value >> 18 & 1, value >> 19 & 1
    return first | (second & ~0x2FFF | j1 << 13 | j2 << 11 | value >> 1 & 0x7FF) << 16


def _held_branch21(word: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    high = (first >> 10 & 1) << 20 | (second >> 11 & 1) << 19 | (second >> 13 & 1) << 18 | (first & 0x3F) << 12
    return signed(high | (second & 0x7FF) << 1, 21)


def _short_branch(bits: int) -> Field:
    """B of one halfword: the low ``bits`` hold the offset in halfwords."""
    mask = (1 << bits) - 1
    return Field(
        width=2,
        put=lambda word, value: word & ~mask | value >> 1 & mask,
        value=_jump,
        branches=True,
        held=lambda word: signed((word & mask) << 1, bits + 1),
    )


_BRANCH25 = Field(width=4, put=_put_branch25, value=_jump, branches=True, held=_held_branch25)
_ABS32 = Field(width=4, put=_word, value=_absolute, held=lambda word: word)
_ARM_NONE, _ARM_V4BX = 0, 40
_ARM = {
    _ARM_NONE: Field(width=0, put=_word, value=_absolute),
    _ARM_V4BX: Field(width=0, put=_word, value=_absolute),
    R_ARM_ABS32: _ABS32,
    38: _ABS32,  # TARGET1, absolute for bare metal
    3: Field(width=4, put=_word, value=_relative, held=lambda word: word),  # REL32
    5: Field(width=2, put=_word, value=_absolute, held=lambda word: word),  # ABS16
    8: Field(width=1, put=_word, value=_absolute, held=lambda word: word),  # ABS8
    10: _BRANCH25,  # THM_CALL
    30: _BRANCH25,  # THM_JUMP24
    51: Field(width=4, put=_put_branch21, value=_jump, branches=True, held=_held_branch21),  # THM_JUMP19
    102: _short_branch(11),  # THM_JUMP11
    103: _short_branch(8),  # THM_JUMP8
    42: Field(  # PREL31
        width=4,
        put=lambda word, value: word & 1 << 31 | value & 0x7FFF_FFFF,
        value=_relative,
        held=lambda word: signed(word & 0x7FFF_FFFF, 31),
    ),
    47: Field(width=4, put=_put_mov16, value=_absolute, held=_held_mov16),  # THM_MOVW_ABS_NC
    48: Field(width=4, put=_put_mov16, value=_upper_half(_absolute), held=_held_mov16),  # THM_MOVT_ABS
    49: Field(width=4, put=_put_mov16, value=_relative, held=_held_mov16),  # THM_MOVW_PREL_NC
    50: Field(width=4, put=_put_mov16, value=_upper_half(_relative), held=_held_mov16),  # THM_MOVT_PREL
}
"""AAELF32, table of relocation codes. Two mark a place and fill nothing."""
for _byte in range(4):  # THM_ALU_ABS_G0_NC to G3: MOVS and ADDS that build an address in code that holds no literals
    _ARM[132 + _byte] = Field(
        width=2,
        put=lambda word, value: word & ~0xFF | value & 0xFF,
        value=lambda symbol, addend, _, by=8 * _byte: symbol + addend >> by,  # type: ignore[misc]  # one int each
        held=lambda word: word & 0xFF,
    )


def _put_upper20(word: int, value: int) -> int:
    return word & 0xFFF | value + 0x800 & 0xFFFF_F000


def _put_lower12_i(word: int, value: int) -> int:
    return word & 0xF_FFFF | (value & 0xFFF) << 20


def _put_lower12_s(word: int, value: int) -> int:
    return word & 0x1FF_F07F | (value >> 5 & 0x7F) << 25 | (value & 0x1F) << 7


def _put_jal(word: int, value: int) -> int:
    bits = (value >> 20 & 1) << 31 | (value >> 1 & 0x3FF) << 21 | (value >> 11 & 1) << 20
    return word & 0xFFF | bits | (value >> 12 & 0xFF) << 12


def _put_branch(word: int, value: int) -> int:
    bits = (value >> 12 & 1) << 31 | (value >> 5 & 0x3F) << 25 | (value >> 1 & 0xF) << 8 | (value >> 11 & 1) << 7
    return word & 0x1FF_F07F | bits


def _put_call(word: int, value: int) -> int:
    low, high = word & 0xFFFF_FFFF, word >> 32
    return _put_upper20(low, value) | _put_lower12_i(high, value) << 32


def _put_c_branch(word: int, value: int) -> int:
    bits = (value >> 8 & 1) << 12 | (value >> 3 & 3) << 10 | (value >> 6 & 3) << 5 | (value >> 1 & 3) << 3
    return word & 0xE383 | bits | (value >> 5 & 1) << 2


def _put_c_jump(word: int, value: int) -> int:
    bits = (value >> 11 & 1) << 12 | (value >> 4 & 1) << 11 | (value >> 8 & 3) << 9 | (value >> 10 & 1) << 8
    bits |= (value >> 6 & 1) << 7 | (value >> 7 & 1) << 6 | (value >> 1 & 7) << 3 | (value >> 5 & 1) << 2
    return word & 0xE003 | bits


def _put_c_lui(word: int, value: int) -> int:
    upper = value + 0x800 >> 12
    return word & 0xEF83 | (upper >> 5 & 1) << 12 | (upper & 0x1F) << 2


def _counted(width: int, change: Callable[[int, int], int], mask: int = -1) -> Field:
    """A field that relocations before it may have changed already."""
    return Field(width=width, put=lambda word, value: word & ~mask | change(word & mask, value) & mask, value=_absolute)


def _add(word: int, value: int) -> int:
    return word + value


def _subtract(word: int, value: int) -> int:
    return word - value


_RV_NOTHING = Field(width=0, put=_word, value=_absolute)
_RISCV = {
    0: _RV_NOTHING,  # NONE
    43: _RV_NOTHING,  # ALIGN: what a linker that relaxes would remove is in the section's bytes
    51: _RV_NOTHING,  # RELAX
    R_RISCV_32: Field(width=4, put=_word, value=_absolute),
    16: Field(width=4, put=_put_branch, value=_relative, branches=True),  # BRANCH
    17: Field(width=4, put=_put_jal, value=_relative, branches=True),  # JAL
    18: Field(width=8, put=_put_call, value=_relative, branches=True),  # CALL
    19: Field(width=8, put=_put_call, value=_relative, branches=True),  # CALL_PLT
    23: Field(width=4, put=_put_upper20, value=_relative),  # PCREL_HI20
    24: Field(width=4, put=_put_lower12_i, value=_relative),  # PCREL_LO12_I, place and symbol of the upper half
    25: Field(width=4, put=_put_lower12_s, value=_relative),  # PCREL_LO12_S
    26: Field(width=4, put=_put_upper20, value=_absolute),  # HI20
    27: Field(width=4, put=_put_lower12_i, value=_absolute),  # LO12_I
    28: Field(width=4, put=_put_lower12_s, value=_absolute),  # LO12_S
    33: _counted(1, _add),
    34: _counted(2, _add),
    35: _counted(4, _add),
    36: _counted(8, _add),
    37: _counted(1, _subtract),
    38: _counted(2, _subtract),
    39: _counted(4, _subtract),
    40: _counted(8, _subtract),
    44: Field(width=2, put=_put_c_branch, value=_relative, branches=True),  # RVC_BRANCH
    45: Field(width=2, put=_put_c_jump, value=_relative, branches=True),  # RVC_JUMP
    46: Field(width=2, put=_put_c_lui, value=_absolute),  # RVC_LUI
    52: _counted(1, _subtract, 0x3F),  # SUB6
    53: _counted(1, lambda _, value: value, 0x3F),  # SET6
    54: _counted(1, lambda _, value: value),
    55: _counted(2, lambda _, value: value),
    56: _counted(4, lambda _, value: value),
    57: Field(width=4, put=_word, value=_relative),  # 32_PCREL
}
"""RISC-V ELF psABI, relocation types. ADD8 to ADD64 are 33 to 36, SUB8 to SUB64 37 to 40, SET8 to SET32 54 to 56."""
