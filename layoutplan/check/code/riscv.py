"""RV32IMAC with Zicsr, one instruction at a time: RISC-V Unprivileged ISA 20191213, chapters 2, 9, 16 and 24.

What is not needed for addresses (loads, multiplication, atomics, whatever is unknown) makes its register unknown.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from layoutplan.check.code.constants import HELD, Code, State, Step, Value, Write

REGISTERS = 32
MTVEC, SATP, MSECCFG = 0x305, 0x180, 0x747
MML, MMWP = 0b001, 0b010
"""Smepmp 1.0, 3: bits of ``mseccfg``."""
DELEGATION = {0x302: "medeleg", 0x303: "mideleg"}
"""Privileged ISA 1.12, tables 2.4 and 2.5."""
_GP = 3
_WORD = 0xFFFF_FFFF
_CALLER_SAVED = (1, *range(5, 8), *range(10, 18), *range(28, 32))
_IMMEDIATE: dict[int, Callable[[int, int], int]] = {
    0: lambda a, b: a + b,
    4: lambda a, b: a ^ b,
    6: lambda a, b: a | b,
    7: lambda a, b: a & b,
}


def code_of(base: int, data: bytes, global_pointer: int | None) -> Code:
    """The instructions in ``data``. ``global_pointer`` is what x3 holds where start-up code sets it."""

    def step(at: int, state: State) -> Step:
        registers = list(state)
        registers[0], registers[_GP] = 0, global_pointer
        (half,) = struct.unpack_from("<H", data, at - base)
        if half & 3 != 3:
            return _compressed(at, half, registers)
        if at + 4 > base + len(data):
            return Step(size=2, after=tuple(registers), falls=False)
        (word,) = struct.unpack_from("<I", data, at - base)
        return _full(at, word, registers)

    return Code(base=base, end=base + len(data) // 2 * 2, step=step, registers=REGISTERS)


def _full(at: int, word: int, registers: list[Value]) -> Step:
    opcode, rd, kind, rs1, rs2 = word & 0x7F, word >> 7 & 31, word >> 12 & 7, word >> 15 & 31, word >> 20 & 31
    immediate = signed(word >> 20, 12)
    a, b = _plain(registers[rs1]), _plain(registers[rs2])
    writes: tuple[Write, ...] = ()
    value: Value = None
    match opcode:
        case 0x37:
            value = word & 0xFFFF_F000
        case 0x17:
            value = at + (word & 0xFFFF_F000)
        case 0x13 if kind in _IMMEDIATE:
            moved = kind == 0 and not immediate
            value = registers[rs1] if moved else None if a is None else _IMMEDIATE[kind](a, immediate)
        case 0x13 if kind in (1, 5) and a is not None and word >> 25 in (0, 0x20):
            value = a << rs2 if kind == 1 else signed(a, 32) >> rs2 if word >> 30 else a >> rs2
        case 0x33 if a is not None and b is not None and word >> 25 in (0, 0x20):
            if kind in _IMMEDIATE and not (kind and word >> 30):
                value = a - b if word >> 30 else _IMMEDIATE[kind](a, b)
        case 0x6F:
            bits = word >> 31 << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
            target = at + signed(bits, 21)
            return _called(registers) if rd else Step(size=4, after=tuple(registers), targets=(target,), falls=False)
        case 0x67:
            return _called(registers) if rd else Step(size=4, after=tuple(registers), falls=False)
        case 0x63:
            bits = word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 0xF) << 1
            return Step(size=4, after=tuple(registers), targets=(at + signed(bits, 13),))
        case 0x23 | 0x27 | 0x0F:
            return Step(size=4, after=tuple(registers))
        case 0x73:
            if not kind:  # MRET and its like end what runs; ECALL, EBREAK, WFI go on
                return Step(size=4, after=tuple(registers), falls=word >> 20 not in (0x302, 0x102, 0x002))
            csr = word >> 20
            writes = _csr(at, csr, kind, rs1, registers[rs1])
            value = HELD if csr == MTVEC else None
        case _:
            pass
    registers[rd] = value if value is None or value == HELD else value & _WORD
    registers[0] = 0
    return Step(size=4, after=tuple(registers), writes=writes)


def _csr(at: int, number: int, kind: int, source: int, value: Value) -> tuple[Write, ...]:
    """CSRRW writes a register or a small constant; CSRRS and CSRRC of nothing write nothing."""
    if kind & 3 != 1 and source == 0:
        return ()
    if kind & 3 != 1:
        value = None
    elif kind & 4:
        value = source
    return (Write(at=at, address=number, value=value),)


def _called(registers: list[Value], size: int = 4) -> Step:
    for register in _CALLER_SAVED:
        registers[register] = None
    return Step(size=size, after=tuple(registers))


def _compressed(at: int, half: int, registers: list[Value]) -> Step:
    """The C extension, by quadrant and funct3."""
    rd, low = half >> 7 & 31, half >> 2 & 31
    immediate = signed((half >> 12 & 1) << 5 | low, 6)
    match half & 3, half >> 13:
        case 1, 0 | 2:  # C.ADDI, C.LI
            before = _plain(registers[rd]) if half >> 13 == 0 else 0
            registers[rd] = None if before is None else before + immediate & _WORD
        case 1, 1:  # C.JAL
            return _called(registers, 2)
        case 1, 3:  # C.LUI; C.ADDI16SP
            registers[rd] = None if rd == 2 else immediate << 12 & _WORD
        case 1, 4:
            _arithmetic(half, immediate, registers)
        case 1, 5:  # C.J
            return Step(size=2, after=tuple(registers), targets=(at + jump_offset(half),), falls=False)
        case 1, 6 | 7:  # C.BEQZ, C.BNEZ
            return Step(size=2, after=tuple(registers), targets=(at + branch_offset(half),))
        case 2, 0:  # C.SLLI
            before = _plain(registers[rd])
            registers[rd] = None if before is None or half >> 12 & 1 else before << low & _WORD
        case 2, 4:
            return _moves(half, rd, low, registers)
        case 2, 2:  # C.LWSP
            registers[rd] = None
        case 0, 0 | 2 | 4:  # C.ADDI4SPN, C.LW, Zcb
            registers[8 + (low & 7)] = None
        case _:  # stores, floating point
            pass
    registers[0] = 0
    return Step(size=2, after=tuple(registers))


def _arithmetic(half: int, immediate: int, registers: list[Value]) -> None:
    """C.SRLI, C.SRAI, C.ANDI, then register with register."""
    rd, other = 8 + (half >> 7 & 7), 8 + (half >> 2 & 7)
    a, b = _plain(registers[rd]), _plain(registers[other])
    registers[rd] = None
    if a is None:
        return
    match half >> 10 & 3:
        case 0 if immediate > 0:
            registers[rd] = a >> immediate
        case 1 if immediate > 0:
            registers[rd] = signed(a, 32) >> immediate & _WORD
        case 2:
            registers[rd] = a & immediate & _WORD
        case 3 if b is not None and not half >> 12 & 1:
            registers[rd] = (a - b & _WORD, a ^ b, a | b, a & b)[half >> 5 & 3]
        case _:
            pass


def _moves(half: int, rd: int, source: int, registers: list[Value]) -> Step:
    """C.JR, C.MV, C.JALR, C.ADD, C.EBREAK."""
    if not source:
        if not rd:
            return Step(size=2, after=tuple(registers))
        return _called(registers, 2) if half >> 12 & 1 else Step(size=2, after=tuple(registers), falls=False)
    if half >> 12 & 1:
        a, b = _plain(registers[rd]), _plain(registers[source])
        registers[rd] = None if a is None or b is None else a + b & _WORD
    else:
        registers[rd] = registers[source]
    registers[0] = 0
    return Step(size=2, after=tuple(registers))


def jump_offset(half: int) -> int:
    """Of C.J and C.JAL, in bytes."""
    bits = (half >> 12 & 1) << 11 | (half >> 11 & 1) << 4 | (half >> 9 & 3) << 8 | (half >> 8 & 1) << 10
    bits |= (half >> 7 & 1) << 6 | (half >> 6 & 1) << 7 | (half >> 3 & 7) << 1 | (half >> 2 & 1) << 5
    return signed(bits, 12)


def branch_offset(half: int) -> int:
    """Of C.BEQZ and C.BNEZ, in bytes."""
    bits = (half >> 12 & 1) << 8 | (half >> 5 & 3) << 6 | (half >> 2 & 1) << 5 | (half >> 10 & 3) << 3
    return signed(bits | (half >> 3 & 3) << 1, 9)


def _plain(value: Value) -> Value:
    return None if value == HELD else value


def signed(value: int, bits: int) -> int:
    """``value`` as two's complement of that many bits."""
    return value - (1 << bits) if value >> bits - 1 & 1 else value
