"""Where traps enter, as far as code decides it: the base that the kernel writes to ``mtvec``, or to ``VTOR`` on Arm.

On RISC-V nothing but a write to ``mtvec`` says where a trap goes: there has to be one, and the code has to show what
each writes. On Arm the core finds its vectors by itself; a kernel that names others must name those that are checked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from layoutplan.address import AddressRange, subtract
from layoutplan.check.code import riscv, thumb
from layoutplan.check.code.constants import HELD, Code, State, Step, Value, Write, writes_of
from layoutplan.check.elf.image import SHF_EXECINSTR, ElfImage, Section
from layoutplan.check.image.code import code_ranges, functions
from layoutplan.check.image.parts import ImageParts
from layoutplan.model.access import Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

RULE = "trap-vector"
CAUSES = 12
"""Interrupts that the privileged ISA numbers (1.12, table 3.6): vectored mode has an entry of four bytes for each."""
_CSR_MTVEC = re.compile(rb"[\x73\xf3].[\x50-\x5f]\x30", re.DOTALL)
"""CSRRW and its like with 0x305: opcode 1110011 and any rd, low bit of rd aside; rs1's high bits; the number."""
_SYSTEM_SPACE = re.compile(
    rb"\xce\xf2\x00[\x00-\x0f]"  # MOVT #0xE000
    rb"|\x4f\xf0[\xe0\x60][\x20-\x2f\x40-\x4f]"  # MOV #0xE000E000, MOV #0xE0000000
    rb"|\xe0[\x20-\x27]"  # MOVS #0xE0, to be shifted
    rb"|[\x00-\xff][\xd0-\xef]\x00\xe0",  # a literal
    re.DOTALL,
)
"""What a function has in it that makes an address of the system control space."""


def trap_vectors(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """Each write of a vector base that the kernel's code shows, and on RISC-V each that it does not show."""
    if system.target.machine is Machine.ARM:
        yield from _arm(image, parts)
        return
    writes = [w for section in parts.kernel for w in _written(image, section, riscv.MTVEC, arm=False)]
    if not writes and system.unit is not UnitName.NONE:
        yield Finding(rule=RULE, message="no code of the kernel writes `mtvec`: traps go where reset left it")
    for write in writes:
        if write.value != HELD:
            yield from _riscv(image, parts, write)


def _riscv(image: ElfImage, parts: ImageParts, write: Write) -> Iterator[Finding]:
    where = AddressRange.of(write.at, 4)
    if write.value is None:
        message = "the code does not show what is written to `mtvec` here: load its address in the same function"
        yield Finding(rule=RULE, range=where, message=message)
        return
    base, mode = write.value & ~3, write.value & 3
    entries = AddressRange.of(base, 4 * CAUSES if mode == 1 else 4)
    text = [s.range for s in parts.kernel if s.flags & SHF_EXECINSTR and image.contents(s) is not None]
    if mode > 1:
        message = f"`mtvec` is set to {write.value:#010x}, of which mode {mode} is reserved"
        yield Finding(rule=RULE, range=where, message=message)
    elif not any(range_.contains(entries) for range_ in text):
        what = "a table of entries that is" if mode else "a handler that is"
        message = f"`mtvec` is set to {write.value:#010x}, {what} not in the kernel's code"
        yield Finding(rule=RULE, range=where, message=message)


def _arm(image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    tables = [section.address for section in parts.kernel if section.name == ".vector_table"]
    for section in parts.kernel:
        for write in _written(image, section, thumb.VTOR, arm=True):
            if write.value in tables:
                continue
            told = "a value that the code does not show" if write.value is None else f"{write.value:#010x}"
            message = f"`VTOR` is set to {told}, and the vectors that were checked are elsewhere"
            yield Finding(rule=RULE, range=AddressRange.of(write.at, 4), message=message)


def _written(image: ElfImage, section: Section, register: int, *, arm: bool) -> Iterator[Write]:
    """Writes to ``register`` in the code of ``section``; functions without a trace of it are not followed."""
    data = image.contents(section)
    if data is None or not section.flags & SHF_EXECINSTR:
        return
    pattern = _SYSTEM_SPACE if arm else _CSR_MTVEC
    found = functions(image, section)
    starts = [function.base for function in found]
    suspects: dict[int, AddressRange] = {}
    at = pattern.search(data)
    while at is not None:
        function = found[bisect_right(starts, section.address + at.start()) - 1]
        suspects[function.base] = function
        at = pattern.search(data, max(at.start() + 1, function.end - section.address))
    code = list(code_ranges(image, section))
    for function in suspects.values():
        for write in writes_of(_code(image, section, data, function, code, arm=arm)):
            if write.address == register:
                yield write


def _code(
    image: ElfImage, section: Section, data: bytes, function: AddressRange, code: list[AddressRange], *, arm: bool
) -> Code:
    """The function's instructions; data among them is stepped over, and nothing runs into what follows it."""
    held = data[function.base - section.address : function.end - section.address]
    if arm:
        made = thumb.code_of(function.base, held, function.end, lambda address: _word(image, address))
    else:
        pointer = image.symbol("__global_pointer$")
        made = riscv.code_of(function.base, held, None if pointer is None else pointer.value)
    holes = {hole.base: hole.size for hole in subtract(function, code)}
    instruction = made.step

    def step(at: int, state: State) -> Step:
        return Step(size=holes[at], after=state, falls=False) if at in holes else instruction(at, state)

    return replace(made, step=step)


def _word(image: ElfImage, address: int) -> Value:
    words = image.words(address, 1)
    return None if words is None else words[0]
