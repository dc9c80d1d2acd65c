"""Thumb and Thumb-2 of Armv6-M to Armv8-M, one instruction at a time: Armv7-M ARM (DDI 0403), A5 and A7.7.

Moves, additions, logic, literals and word stores are followed. Whatever else writes a register makes it unknown; where
an encoding is not told apart, every register that it could name as a destination is unknown afterwards.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from layoutplan.check.code.constants import Code, State, Step, Value, Write

REGISTERS = 16
VTOR = 0xE000_ED08
"""Armv7-M ARM B3.2.2 and B3.2.5."""
_SP, _LR, _PC = 13, 14, 15
_WORD = 0xFFFF_FFFF
_CALLER_SAVED = (0, 1, 2, 3, 12, _LR)
Read = Callable[[int], Value]
"""The word at an address of the image, if a programmer writes one there."""


def code_of(base: int, data: bytes, end: int, read: Read) -> Code:
    """The instructions in ``data`` up to the address ``end``."""

    def step(at: int, state: State) -> Step:
        (first,) = struct.unpack_from("<H", data, at - base)
        registers = list(state)
        if first < 0xE800:
            return _Narrow(at, first, registers, read).step()
        if at + 4 > base + len(data):
            return Step(size=2, after=state, falls=False)
        (second,) = struct.unpack_from("<H", data, at - base + 2)
        return _Wide(at, first, second, registers, read).step()

    return Code(base=base, end=end, step=step, registers=REGISTERS)


class _Instruction:
    """Registers while an instruction is read, and what it does besides."""

    size = 2

    def __init__(self, at: int, registers: list[Value], read: Read) -> None:
        self.at = at
        self.registers = registers
        self.read = read
        self.writes: list[Write] = []

    def done(self, *, falls: bool = True, targets: tuple[int, ...] = (), conditional: int = 0) -> Step:
        return Step(
            size=self.size,
            after=tuple(self.registers),
            falls=falls,
            targets=targets,
            writes=tuple(self.writes),
            conditional=conditional,
        )

    def set(self, register: int, value: Value) -> Step:
        """What ends in the program counter is a jump that is not followed."""
        if register == _PC:
            return self.done(falls=False)
        self.registers[register] = None if value is None else value & _WORD
        return self.done()

    def forget(self, registers: Iterable[int]) -> None:
        for register in registers:
            self.registers[register] = None

    def called(self) -> Step:
        self.forget(_CALLER_SAVED)
        return self.done()

    def source(self, register: int) -> Value:
        return self.at + 4 if register == _PC else self.registers[register]

    def stored(self, address: Value, register: int) -> None:
        self.writes.append(Write(at=self.at, address=address, value=self.source(register)))

    def literal(self, offset: int) -> Value:
        return self.read((self.at + 4 & ~3) + offset)


class _Narrow(_Instruction):
    def __init__(self, at: int, half: int, registers: list[Value], read: Read) -> None:
        super().__init__(at, registers, read)
        self.half = half

    def step(self) -> Step:
        half, r = self.half, self.registers
        low, middle, high = half & 7, half >> 3 & 7, half >> 8 & 7
        immediate5 = half >> 6 & 31
        match half >> 11:
            case 0b00000:
                return self.set(low, plus(r[middle], lambda a: a << immediate5))
            case 0b00001:
                return self.set(low, plus(r[middle], lambda a: a >> (immediate5 or 32)))
            case 0b00011:
                b = half >> 6 & 7 if half & 0x400 else r[half >> 6 & 7]
                return self.set(low, both(r[middle], b, lambda a, b: a - b if half & 0x200 else a + b))
            case 0b00100:
                return self.set(high, half & 0xFF)
            case 0b00101:
                return self.done()
            case 0b00110:
                return self.set(high, plus(r[high], lambda a: a + (half & 0xFF)))
            case 0b00111:
                return self.set(high, plus(r[high], lambda a: a - (half & 0xFF)))
            case 0b01000:
                return self._registers()
            case 0b01001:
                return self.set(high, self.literal(4 * (half & 0xFF)))
            case 0b01010 | 0b01011:
                if half >> 9 & 7 == 0:
                    self.stored(both(r[middle], r[half >> 6 & 7], lambda a, b: a + b), low)
                return self.set(low, None) if half >> 9 & 7 >= 3 else self.done()
            case 0b01100:
                self.stored(plus(r[middle], lambda a: a + 4 * immediate5), low)
                return self.done()
            case 0b01110 | 0b10000 | 0b10010:
                return self.done()
            case 0b10011:
                return self.set(high, None)
            case 0b10100:
                return self.set(high, (self.at + 4 & ~3) + 4 * (half & 0xFF))
            case 0b10101:
                return self.set(high, None)
            case 0b10110 | 0b10111:
                return self._miscellaneous()
            case 0b11000:
                listed = [register for register in range(8) if half >> register & 1]
                for index, register in enumerate(listed):
                    self.stored(further(r[high], 4 * index), register)
                return self.set(high, plus(r[high], lambda a: a + 4 * len(listed)))
            case 0b11001:
                self.forget([high, *(register for register in range(8) if half >> register & 1)])
                return self.done()
            case 0b11010 | 0b11011:
                if half >> 8 & 15 == 15:  # SVC: the handler may answer in r0 to r3
                    return self.called()
                if half >> 8 & 15 == 14:
                    return self.done(falls=False)
                return self.done(targets=(self.at + 4 + signed((half & 0xFF) << 1, 9),))
            case 0b11100:
                return self.done(falls=False, targets=(self.at + 4 + signed((half & 0x7FF) << 1, 12),))
            case _:  # shifts with sign, loads
                return self.set(low, None)

    def _registers(self) -> Step:
        half, r = self.half, self.registers
        source, target = half >> 3 & 15, half & 7 | half >> 4 & 8
        match half >> 8 & 7:
            case 4:
                return self.set(target, both(r[target], self.source(source), lambda a, b: a + b))
            case 5:
                return self.done()
            case 6:
                return self.set(target, self.source(source))
            case 7:
                return self.called() if half & 0x80 else self.done(falls=False)
            case _:
                operation, low, other = half >> 6 & 15, half & 7, r[half >> 3 & 7]
                if operation in (8, 10, 11):
                    return self.done()
                if operation == 15:
                    return self.set(low, plus(other, lambda a: ~a))
                made: dict[int, Callable[[int, int], int]] = {
                    0: lambda a, b: a & b,
                    1: lambda a, b: a ^ b,
                    12: lambda a, b: a | b,
                    14: lambda a, b: a & ~b,
                }
                return self.set(low, both(r[low], other, made[operation]) if operation in made else None)

    def _miscellaneous(self) -> Step:
        half = self.half
        if half & 0xF500 == 0xB100:  # CBZ, CBNZ
            return self.done(targets=(self.at + 4 + ((half >> 9 & 1) << 6 | (half >> 3 & 31) << 1),))
        if half & 0xFF00 == 0xBF00:
            mask = half & 15
            return self.done(conditional=4 - (mask & -mask).bit_length() + 1 if mask else 0)
        if half & 0xFE00 == 0xBC00:  # POP
            self.forget([_SP, *(register for register in range(8) if half >> register & 1)])
            return self.done(falls=not half & 0x100)
        if half & 0xFF00 == 0xB000:
            return self.set(_SP, None)
        if half & 0xFF00 in (0xB200, 0xBA00):
            return self.set(half & 7, None)
        if half & 0xFE00 == 0xB400:
            return self.set(_SP, None)
        return self.done()


class _Wide(_Instruction):
    size = 4

    def __init__(self, at: int, first: int, second: int, registers: list[Value], read: Read) -> None:
        super().__init__(at, registers, read)
        self.first, self.second = first, second
        self.n, self.t, self.d, self.m = first & 15, second >> 12, second >> 8 & 15, second & 15

    def step(self) -> Step:
        first, second = self.first, self.second
        match first >> 9:
            case 0b1110100:
                return self._dual() if first & 0x40 else self._multiple()
            case 0b1110101:
                amount = (second >> 12 & 7) << 2 | second >> 6 & 3
                shifted = None if second >> 4 & 3 else plus(self.source(self.m), lambda a: a << amount)
                return self._operation(shifted)
            case 0b1111000 | 0b1111001 | 0b1111010 | 0b1111011 if second >> 15:
                return self._branch()
            case 0b1111000 | 0b1111010:
                return self._operation(expanded((first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF))
            case 0b1111001 | 0b1111011:
                return self._plain()
            case 0b1111100:
                return self._single()
            case 0b1111101:
                self.forget(register for register in (self.t, self.d) if register != _PC)
                return self.done()
            case _:  # coprocessors and floating point may write core registers
                self.forget(register for register in (self.n, self.t, self.d) if register != _PC)
                return self.done()

    def _operation(self, b: Value) -> Step:
        a, operation = self.source(self.n), self.first >> 5 & 15
        if self.d == _PC:  # comparisons
            return self.done()
        if self.n == _PC and operation in (2, 3):
            return self.set(self.d, b if operation == 2 else plus(b, lambda b: ~b))
        made: dict[int, Callable[[int, int], int]] = {
            0: lambda a, b: a & b,
            1: lambda a, b: a & ~b,
            2: lambda a, b: a | b,
            3: lambda a, b: a | ~b,
            4: lambda a, b: a ^ b,
            8: lambda a, b: a + b,
            13: lambda a, b: a - b,
            14: lambda a, b: b - a,
        }
        return self.set(self.d, both(a, b, made[operation]) if operation in made else None)

    def _plain(self) -> Step:
        first, second = self.first, self.second
        low = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        half = (first & 15) << 12 | low
        base = self.at + 4 & ~3 if self.n == _PC else self.source(self.n)
        match first >> 4 & 31:
            case 0b00000:
                return self.set(self.d, plus(base, lambda a: a + low))
            case 0b01010:
                return self.set(self.d, plus(base, lambda a: a - low))
            case 0b00100:
                return self.set(self.d, half)
            case 0b01100:
                return self.set(self.d, plus(self.registers[self.d], lambda a: a & 0xFFFF | half << 16))
            case _:
                return self.set(self.d, None)

    def _branch(self) -> Step:
        first, second = self.first, self.second
        if second >> 12 & 1:
            if second >> 14 & 1:
                return self.called()
            return self.done(falls=False, targets=(branch_target(self.at, first, second) or self.at,))
        if second >> 14 & 1 or first >> 7 & 7 == 0b111:
            if first & 0xFFE0 == 0xF3E0:  # MRS
                self.forget([self.d] if self.d != _PC else [])
            return self.done()
        return self.done(targets=(branch_target(self.at, first, second) or self.at,))

    def _single(self) -> Step:
        first, second = self.first, self.second
        word, load = first >> 5 & 3 == 2, first & 0x10
        base = self.source(self.n)
        post = 0
        if self.n == _PC:
            offset = second & 0xFFF if first & 0x80 else -(second & 0xFFF)
            return self.set(self.t, self.literal(offset) if word else None)
        if first & 0x80:
            address = plus(base, lambda a: a + (second & 0xFFF))
        elif second & 0x800:
            offset = second & 0xFF if second & 0x200 else -(second & 0xFF)
            address = plus(base, lambda a: a + offset) if second & 0x400 else base
            post = second & 0x100
        else:
            address = both(base, self.source(self.m), lambda a, b: a + (b << (second >> 4 & 3)))
        if post:
            self.registers[self.n] = plus(base, lambda a: a + offset)
        if load:
            return self.set(self.t, None) if word or self.t != _PC else self.done()
        if word:
            self.stored(plus(address, lambda a: a & _WORD), self.t)
        return self.done()

    def _dual(self) -> Step:
        first, second = self.first, self.second
        load, base = first & 0x10, self.source(self.n)
        if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:  # TBB, TBH
            return self.done(falls=False)
        if first & 0x120:  # LDRD, STRD
            offset = 4 * (second & 0xFF) * (1 if first & 0x80 else -1)
            address = plus(base, lambda a: a + offset) if first & 0x100 else base
            if load:
                self.forget(register for register in (self.t, self.d) if register != _PC)
            else:
                self.stored(address, self.t)
                self.stored(plus(address, lambda a: a + 4), self.d)
            if first & 0x20 and self.n != _PC:
                self.registers[self.n] = plus(base, lambda a: a + offset)
            return self.done()
        if not load:  # STREX, STL
            self.stored(plus(base, lambda a: a + (0 if first & 0x80 else 4 * (second & 0xFF))), self.t)
        changed = (self.t, self.d) if load else (self.d, self.m)
        self.forget(register for register in changed if register != _PC)
        return self.done()

    def _multiple(self) -> Step:
        first, second = self.first, self.second
        listed = [register for register in range(16) if second >> register & 1]
        base = self.source(self.n)
        down = first >> 7 & 3 == 2
        start = plus(base, lambda a: a - 4 * len(listed)) if down else base
        end = start if down else plus(base, lambda a: a + 4 * len(listed))
        if first & 0x20:
            self.registers[self.n] = end
        if first & 0x10:
            self.forget(register for register in listed if register != _PC)
            return self.done(falls=_PC not in listed)
        for index, register in enumerate(listed):
            self.stored(further(start, 4 * index), register)
        return self.done()


def branch_target(address: int, first: int, second: int) -> int | None:
    """Where BL and the two long forms of B lead; ``None`` for what shares their encodings."""
    sign = first >> 10 & 1
    j1, j2 = second >> 13 & 1, second >> 11 & 1
    if second >> 12 & 1:  # BL, or B encoding T4
        high = sign << 24 | (1 ^ j1 ^ sign) << 23 | (1 ^ j2 ^ sign) << 22
        return address + 4 + signed(high | (first & 0x3FF) << 12 | (second & 0x7FF) << 1, 25)
    if second >> 14 & 1 or first >> 7 & 7 == 0b111:
        return None
    return address + 4 + signed(sign << 20 | j2 << 19 | j1 << 18 | (first & 0x3F) << 12 | (second & 0x7FF) << 1, 21)


def expanded(immediate: int) -> int:
    """ThumbExpandImm (A5.3.2) of the twelve bits."""
    low = immediate & 0xFF
    match immediate >> 8:
        case 0:
            return low
        case 1:
            return low << 16 | low
        case 2:
            return low << 24 | low << 8
        case 3:
            return low << 24 | low << 16 | low << 8 | low
        case _:
            turned, by = 0x80 | immediate & 0x7F, immediate >> 7
            return (turned >> by | turned << 32 - by) & _WORD


def plus(value: Value, change: Callable[[int], int]) -> Value:
    """The changed value, as far as it is known."""
    return None if value is None else change(value)


def further(value: Value, distance: int) -> Value:
    """The value ``distance`` bytes further on, as far as it is known."""
    return None if value is None else value + distance


def both(first: Value, second: Value, change: Callable[[int, int], int]) -> Value:
    """What two values make, as far as both are known."""
    return None if first is None or second is None else change(first, second)


def signed(value: int, bits: int) -> int:
    """``value`` as two's complement of that many bits."""
    return value - (1 << bits) if value >> bits - 1 & 1 else value
